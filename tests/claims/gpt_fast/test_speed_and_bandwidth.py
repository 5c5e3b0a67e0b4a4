"""Speed at batch size 1, and the bandwidth that it shows."""

from __future__ import annotations

import pytest

from llm_claims import claim, equal, increasing, known, less, outcome

from .requests import bandwidth, request, speed

BYTES_OF_7B = 2 * 6_738_415_616
"""In bf16: the weights of Llama 2 7B are as many as those of LLaMA 7B (Touvron et al., 2023)."""
BENCHMARKS = pytest.mark.parametrize("variant", [None, "mi250x"], ids=["a100", "mi250x"])
QUANTIZED = pytest.mark.parametrize(
    "fields",
    [{}, {"model": "llama-70b"}, {"model": "llama-70b", "tensor_parallel_degree": 8}],
    ids=["7b", "70b", "70b-tp8"],
)


@claim("fast-bandwidth-is-speed-times-weights", place="Benchmarks, AMD")
@BENCHMARKS
def test_bandwidth_is_speed_times_the_bytes_of_the_weights(measure, judge, variant):
    of_a_token = bandwidth(measure, variant=variant) / speed(measure, variant=variant)
    judge(equal(of_a_token, known(BYTES_OF_7B, "bytes/token")))


@claim("fast-bf16-below-peak-bandwidth", place="Speculative Sampling, note")
@pytest.mark.parametrize("fields", [{}, {"model": "llama-70b", "tensor_parallel_degree": 2}], ids=["7b", "70b-tp2"])
def test_weights_are_read_at_less_than_the_peak(measure, judge, fields):
    # Elsewhere than on an A100, what that device itself copies a second.
    peak = request(measure, **fields).stated(
        "copy_bandwidth_bytes_per_second", otherwise=known(1.7e12, "bytes/s", resolution=1e11)
    )
    judge(less(bandwidth(measure, **fields), peak))


@claim("fast-compiled-above-eager", place="Generate Text")
def test_a_compiled_decoding_is_faster_than_an_eager_one(measure, judge):
    # With a static cache the decoding is compiled; a dynamic one grows, and cannot be.
    compiled, eager = (speed(measure, cache=cache) for cache in ("static", "dynamic"))
    judge(less(eager, compiled))


@claim("fast-int8-above-bf16", place="Benchmarks, AMD, Tensor Parallelism + Quantization")
@pytest.mark.parametrize(
    "fields",
    [{}, {"variant": "mi250x"}, {"model": "llama-70b", "tensor_parallel_degree": 8}],
    ids=["7b", "7b-mi250x", "70b-tp8"],
)
def test_int8_is_faster_than_bf16(measure, judge, fields):
    judge(less(speed(measure, **fields), speed(measure, quantization="int8", **fields)))


@claim("fast-int8-gains-less-than-bytes", place="Benchmarks, AMD")
@BENCHMARKS
def test_half_the_bytes_are_less_than_twice_as_fast(measure, judge, variant):
    gain = speed(measure, variant=variant, quantization="int8") / speed(measure, variant=variant)
    judge(less(gain, known(2, "ratio")))


@claim("fast-int4-above-int8", place="Benchmarks, Tensor Parallelism + Quantization")
@QUANTIZED
def test_int4_is_faster_than_int8(measure, judge, fields):
    judge(less(*(speed(measure, quantization=bits, **fields) for bits in ("int8", "int4"))))


@claim("fast-bandwidth-falls-with-bits", place="Benchmarks, AMD, Tensor Parallelism + Quantization")
@pytest.mark.parametrize(
    ("fields", "bits"),
    [
        ({}, ("int4", "int8", None)),
        ({}, ("int8", None)),
        ({"model": "llama-70b"}, ("int4", "int8")),
        ({"model": "llama-70b", "tensor_parallel_degree": 8}, ("int4", "int8", None)),
        ({"variant": "mi250x"}, ("int8", None)),
    ],
    ids=["7b", "7b-int8", "70b", "70b-tp8", "7b-mi250x"],
)
def test_fewer_bits_use_less_of_the_bandwidth(measure, judge, fields, bits):
    judge(increasing(*(bandwidth(measure, quantization=one, **fields) for one in bits)))


@claim("fast-a100-above-mi250x", place="Benchmarks, AMD")
@pytest.mark.parametrize("quantization", [None, "int8"], ids=["bf16", "int8"])
def test_an_a100_is_faster_than_half_an_mi250x(measure, judge, quantization):
    a100, mi250x = (speed(measure, quantization=quantization, variant=one) for one in (None, "mi250x"))
    judge(less(mi250x, a100))


@claim("fast-speculation-above-int4", place="Speculative Sampling")
def test_a_draft_model_is_faster(measure, judge):
    alone = speed(measure, model="llama-70b", quantization="int4")
    drafted = speed(measure, model="llama-70b", quantization="int4", variant="speculative, draft llama-7b int4")
    judge(less(alone, drafted))


@claim("fast-70b-bf16-exceeds-80gb", place="Benchmarks")
@pytest.mark.parametrize(
    ("bits", "ending"),
    [(None, "out_of_memory"), ("int8", "completed"), ("int4", "completed")],
    ids=["bf16", "int8", "int4"],
)
def test_70b_fits_80_gb_only_in_fewer_bits(measure, judge, bits, ending):
    judge(outcome(request(measure, model="llama-70b", quantization=bits), ending))

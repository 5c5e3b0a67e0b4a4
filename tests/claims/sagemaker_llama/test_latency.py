"""Latency of single requests: input length, new tokens, precision, hardware."""

from __future__ import annotations

import pytest

from llm_claims import Generation, claim, equal, every, known, less, repeats, similar

from .margins import LEAST_NAMED_DIFFERENCE

INPUTS = pytest.mark.parametrize("input_tokens", [10, 750], ids=["in10", "in750"])
NEW = pytest.mark.parametrize("new_tokens", [64, 128], ids=["new64", "new128"])


@claim("serve-fixed-new-tokens", place="B, prerequisite")
@pytest.mark.parametrize("api", ["generate", "pipeline"])
@NEW
def test_equal_minimum_and_maximum_fix_the_new_tokens(measure, judge, api, new_tokens):
    request = measure(Generation(api=api, input_tokens=10, new_tokens=new_tokens))
    judge(equal(request.new_tokens_per_sequence, new_tokens))


@claim("serve-latency-lmi-bf16", place="B, runs A to D")
@INPUTS
@NEW
def test_lmi_latencies(measure, judge, input_tokens, new_tokens):
    request = measure(Generation(input_tokens=input_tokens, new_tokens=new_tokens))
    printed = known(IN_TEXT[input_tokens, new_tokens], "s", resolution=0.1)
    judge(repeats(request.latency_seconds, request.stated("latency_seconds_in_text", otherwise=printed)))


IN_TEXT = {(10, 128): 4.6, (750, 128): 5.3, (10, 64): 2.4, (750, 64): 2.8}
"""Seconds of the four requests, by tokens of input and new tokens, as the text rounds them."""


@claim("serve-latency-grows-with-input", place="B, tip A")
@NEW
def test_longer_prompts_take_longer(measure, judge, new_tokens):
    short = measure(Generation(input_tokens=10, new_tokens=new_tokens))
    long = measure(Generation(input_tokens=750, new_tokens=new_tokens))
    judge(less(short.latency_seconds, long.latency_seconds))


@claim("serve-latency-grows-with-new-tokens", place="B, tip B")
@INPUTS
def test_more_new_tokens_take_longer(measure, judge, input_tokens):
    few = measure(Generation(input_tokens=input_tokens, new_tokens=64))
    many = measure(Generation(input_tokens=input_tokens, new_tokens=128))
    judge(less(few.latency_seconds, many.latency_seconds))


@claim("serve-new-tokens-dominate", place="B, tip C")
@INPUTS
def test_new_tokens_are_the_main_part_of_the_time(measure, judge, input_tokens):
    latency = {
        (asked, new): measure(Generation(input_tokens=asked, new_tokens=new)).latency_seconds
        for asked, new in ((10, 128), (750, 128), (input_tokens, 64))
    }
    half, whole = latency[input_tokens, 64], latency[input_tokens, 128]
    judge(
        every(
            # 64 tokens take whole - half, so 128 take 2 (whole - half): more than whole / 2 if whole > 4/3 half.
            less(half * (4 / 3), whole),
            # The prompt's part is what 740 more of its tokens add: less than half of the longer request.
            less(latency[750, 128], latency[10, 128] * 2),
        )
    )


@claim("serve-bf16-similar-to-fp16", place="B, runs and tables")
@pytest.mark.parametrize(
    ("input_tokens", "batch_size"), [(750, None), (750, 1), (10, 1)], ids=["in750-engines", "in750-batch", "in10-batch"]
)
def test_bf16_and_fp16_serve_at_a_similar_speed(measure, judge, input_tokens, batch_size):
    bf16 = measure(Generation(precision="bf16", input_tokens=input_tokens, new_tokens=128))
    fp16 = measure(Generation(precision="fp16", input_tokens=input_tokens, new_tokens=128, batch_size=batch_size))
    judge(similar(bf16.latency_seconds, fp16.latency_seconds, within=LEAST_NAMED_DIFFERENCE))


@claim("serve-a10g-faster-than-t4", place="B, table of 7B engines")
@pytest.mark.parametrize(
    ("engine", "a10g", "t4"),
    [("accelerate", "g5.xlarge", "g4dn.xlarge"), ("deepspeed", "g5.2xlarge", "g4dn.2xlarge")],
    ids=["accelerate", "deepspeed"],
)
def test_a10g_serves_faster_than_t4(measure, judge, engine, a10g, t4):
    request = Generation(engine=engine, precision="fp16", input_tokens=750, new_tokens=128)
    judge(less(measure(request, on=a10g).latency_seconds, measure(request, on=t4).latency_seconds))


@claim("serve-a100-faster-than-a10g-13b", place="B, table of 13B on HF Accelerate")
def test_a100_serves_13b_faster_than_a10g(measure, judge):
    request = Generation(
        model="llama-13b",
        engine="accelerate",
        precision="fp16",
        tensor_parallel_degree=2,
        input_tokens=750,
        new_tokens=128,
    )
    judge(less(measure(request, on="p4d.24xlarge").latency_seconds, measure(request, on="g5.12xlarge").latency_seconds))

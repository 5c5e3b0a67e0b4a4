"""Engines: which is faster, and which serve bf16."""

from __future__ import annotations

import pytest

from llm_claims import Generation, Setting, claim, less, outcome


@claim("serve-deepspeed-faster-than-accelerate-7b", place="B, table of 7B engines; tip F")
@pytest.mark.parametrize(
    ("input_tokens", "deepspeed_on", "accelerate_on"),
    [(750, "g4dn.2xlarge", "g4dn.xlarge"), (750, "g5.2xlarge", "g5.xlarge"), (10, "g4dn.2xlarge", "g4dn.2xlarge")],
    ids=["in750-t4", "in750-a10g", "in10-t4"],
)
def test_deepspeed_serves_7b_faster(measure, judge, input_tokens, deepspeed_on, accelerate_on):
    batch_size = 1 if input_tokens == 10 else None
    request = {"precision": "fp16", "input_tokens": input_tokens, "new_tokens": 128, "batch_size": batch_size}
    deepspeed = measure(Generation(engine="deepspeed", **request), on=deepspeed_on)
    accelerate = measure(Generation(engine="accelerate", **request), on=accelerate_on)
    judge(less(deepspeed.latency_seconds, accelerate.latency_seconds))


def latencies_13b(measure, degree):
    """Latency of 13B on an A100 instance by engine, at one tensor parallel degree."""
    request = {
        "model": "llama-13b",
        "precision": "fp16",
        "tensor_parallel_degree": degree,
        "input_tokens": 750,
        "new_tokens": 128,
    }
    return {
        engine: measure(Generation(engine=engine, **request), Setting("p4d", instance="p4d.24xlarge")).latency_seconds
        for engine in ("deepspeed", "accelerate")
    }


@claim("serve-deepspeed-faster-than-accelerate-13b", place="B, tables of 13B")
@pytest.mark.parametrize("degree", [1, 2, 8], ids=lambda degree: f"tp{degree}")
def test_deepspeed_serves_13b_faster(measure, judge, degree):
    latency = latencies_13b(measure, degree)
    judge(less(latency["deepspeed"], latency["accelerate"]))


@claim("serve-engine-order", place="B, tip J")
@pytest.mark.parametrize("degree", [2, 8], ids=lambda degree: f"deepspeed-accelerate-tp{degree}")
def test_deepspeed_comes_before_accelerate_on_several_gpus(measure, judge, degree):
    latency = latencies_13b(measure, degree)
    judge(less(latency["deepspeed"], latency["accelerate"]))


@claim("serve-engine-order", place="B, tip J")
@pytest.mark.parametrize("degree", [2], ids=lambda degree: f"fastertransformer-deepspeed-tp{degree}")
def test_fastertransformer_comes_before_deepspeed_on_several_gpus(measure, judge, degree):
    request = {"model": "llama-13b", "precision": "fp16", "input_tokens": 750, "new_tokens": 128}
    fastest, second = (
        measure(
            Generation(engine=engine, tensor_parallel_degree=degree, **request),
            Setting("p4d", instance="p4d.24xlarge"),
        )
        for engine in ("fastertransformer", "deepspeed")
    )
    judge(less(fastest.latency_seconds, second.latency_seconds))


@claim("serve-lmi-deepspeed-bf16", place="B, others A")
def test_lmi_deepspeed_serves_bf16(measure, judge):
    request = Generation(engine="deepspeed", precision="bf16", input_tokens=10, new_tokens=128)
    judge(outcome(measure(request), "completed"))


@claim("serve-oss-deepspeed-no-bf16", place="B, others A")
def test_open_source_deepspeed_does_not_serve_bf16(measure, judge):
    request = Generation(engine="deepspeed-kernel-injection", precision="bf16", input_tokens=10, new_tokens=128)
    judge(outcome(measure(request), "failed"))

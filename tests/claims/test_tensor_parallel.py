"""Tensor parallelism: more GPUs do not speed up batch 1."""

from __future__ import annotations

import pytest

from llm_claims import Generation, Setting, claim, flat

from .margins import LEAST_NAMED_DIFFERENCE

DEGREES = {"deepspeed": (1, 2, 4, 8), "accelerate": (1, 2, 8)}


@claim("serve-13b-tp-no-gain", place="B, tables of 13B")
@pytest.mark.parametrize("engine", list(DEGREES))
def test_more_gpus_do_not_speed_up_13b(measure, judge, engine):
    latencies = [
        measure(
            Generation(
                model="llama-13b",
                precision="fp16",
                engine=engine,
                tensor_parallel_degree=degree,
                input_tokens=750,
                new_tokens=128,
            ),
            Setting("p4d", instance="p4d.24xlarge"),
        ).latency_seconds
        for degree in DEGREES[engine]
    ]
    judge(flat(*latencies, within=LEAST_NAMED_DIFFERENCE, against="fall"))


@claim("serve-7b-tp-no-gain", place="B, tip H")
@pytest.mark.parametrize("prompts", [1, 4, 8], ids=lambda prompts: f"batch{prompts}")
@pytest.mark.parametrize("input_tokens", [10, 750], ids=["in10", "in750"])
def test_one_gpu_serves_7b_as_fast_as_several(measure, judge, input_tokens, prompts):
    latencies = [
        measure(
            Generation(
                model="llama-7b",
                precision="fp16",
                engine="deepspeed",
                api="pipeline",
                tensor_parallel_degree=degree,
                input_tokens=input_tokens,
                new_tokens=128,
                prompts=prompts,
                batch_size=prompts,
            ),
            Setting(instance, instance=instance),
        ).latency_seconds
        for degree, instance in ((1, "g5.2xlarge"), (2, "g5.48xlarge"), (8, "g5.48xlarge"))
    ]
    judge(flat(*latencies, within=LEAST_NAMED_DIFFERENCE, against="fall"))

"""Tensor parallelism: more GPUs do not speed up batch 1. Each degree is set beside one GPU: a machine may have few."""

from __future__ import annotations

import pytest

from llm_claims import Generation, Setting, claim, flat

from .margins import LEAST_NAMED_DIFFERENCE


@claim("serve-13b-tp-no-gain", place="B, tables of 13B")
@pytest.mark.parametrize(
    ("engine", "degree"),
    [("deepspeed", 2), ("deepspeed", 4), ("deepspeed", 8), ("accelerate", 2), ("accelerate", 8)],
    ids=lambda value: f"tp{value}" if isinstance(value, int) else value,
)
def test_more_gpus_do_not_speed_up_13b(measure, judge, engine, degree):
    one, several = (
        measure(
            Generation(
                model="llama-13b",
                precision="fp16",
                engine=engine,
                tensor_parallel_degree=gpus,
                input_tokens=750,
                new_tokens=128,
            ),
            Setting("p4d", instance="p4d.24xlarge"),
        ).latency_seconds
        for gpus in (1, degree)
    )
    judge(flat(one, several, within=LEAST_NAMED_DIFFERENCE, against="fall"))


@claim("serve-7b-tp-no-gain", place="B, tip H")
@pytest.mark.parametrize("prompts", [1, 4, 8], ids=lambda prompts: f"batch{prompts}")
@pytest.mark.parametrize("input_tokens", [10, 750], ids=["in10", "in750"])
@pytest.mark.parametrize("degree", [2, 4, 8], ids=["tp2", "tp4", "tp8"])
def test_one_gpu_serves_7b_as_fast_as_several(measure, judge, degree, input_tokens, prompts):
    one, several = (
        measure(
            Generation(
                model="llama-7b",
                precision="fp16",
                engine="deepspeed",
                api="pipeline",
                tensor_parallel_degree=gpus,
                input_tokens=input_tokens,
                new_tokens=128,
                prompts=prompts,
                batch_size=prompts,
            ),
            Setting(instance, instance=instance),
        ).latency_seconds
        for gpus, instance in ((1, "g5.2xlarge"), (degree, "g5.48xlarge"))
    )
    judge(flat(one, several, within=LEAST_NAMED_DIFFERENCE, against="fall"))

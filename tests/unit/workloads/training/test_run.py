"""A training workload is refused in words, if it cannot be run or leaves something open."""

from __future__ import annotations

from typing import Any

import pytest
from warm import training

from llm_claims.workloads.training.run import TrainingRun, UnsupportedWorkload
from llm_claims.workloads.training.workload import Training

KERAS = {"logger": "keras"}
ZERO = {"zero_stage": 1}
PLAIN_DEEPSPEED: dict[str, Any] = {"zero_stage": 0, "parallelism": "deepspeed", "ranks": 2}
FP16_BY_TRAINER = {"precision": "fp16", "precision_by": "trainer"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        ZERO,
        {"zero_stage": 3, "link_mbit_per_second": 8},
        {"ranks": 2},
        {"precision": "fp16"},
        KERAS,
        PLAIN_DEEPSPEED,
        {"zero_stage": 2, "precision": "bf16", "grad_accum_dtype": "fp32"},
        FP16_BY_TRAINER,
        {"precision": "fp16", "precision_by": "program"},
    ],
    ids=["reference", "zero1", "linked", "ddp", "fp16", "keras", "deepspeed", "zero2", "trainers-fp16", "our-fp16"],
)
def test_what_can_be_run_has_every_field(fields: dict[str, Any]) -> None:
    run = TrainingRun.of(training(**fields), seed=7)
    stated = training(**fields).model_dump(exclude_none=True, exclude={"kind"})
    assert {name: getattr(run, name) for name in stated} == stated
    assert run.seed == 7


def test_a_stated_seed_counts() -> None:
    assert TrainingRun.of(training(seed=500), seed=7).seed == 500


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": "llama-8b"}, "no model 'llama-8b'; choose from llama-tiny, llama-85m, llama-7b, llama-13b"),
        ({"model": "llama-7b"}, "llama-7b has no pretrained weights here"),
        ({"initial_weights": "random"}, "llama-tiny has no random weights here"),
        ({"transport": "p2p"}, "a transport connects ranks: it needs at least two, not one"),
        ({"model": "../llama-tiny"}, "no model '../llama-tiny'"),
        ({"context_tokens": 129}, "129 tokens exceed the model's 128 positions"),
        ({"parallelism": "smp"}, "parallelism: Input should be 'deepspeed' or 'ddp'"),
        ({"rdma": True}, "ranks on one machine have no RDMA"),
        ({"rdma": False}, "ranks on one machine have no RDMA"),
        ({**ZERO, "parallelism": "ddp"}, "zero_stage=1 cannot be combined with parallelism='ddp'"),
        ({**PLAIN_DEEPSPEED, "ranks": 1}, "parallelism='deepspeed' is run with two ranks at least, not one"),
        ({"grad_accum_dtype": "fp32"}, "only DeepSpeed can be asked for a grad_accum_dtype, not parallelism='ddp'"),
        ({**ZERO, "grad_accum_dtype": "fp32", "gradient_accumulation": 1}, "no gradients are added up"),
        (
            {**PLAIN_DEEPSPEED, "grad_accum_dtype": "bf16"},
            "without ZeRO, DeepSpeed adds up gradients in",
        ),
        ({"precision_by": "program"}, "precision_by='program' is for fp16 without DeepSpeed"),
        ({**FP16_BY_TRAINER, "initial_loss_scale": 2.0}, "the Trainer chooses its initial loss scale"),
        ({**ZERO, "ranks": 1}, "zero_stage=1 partitions state over ranks: it needs at least two, not one"),
        ({"ranks": 3, "link_mbit_per_second": 8}, "a link connects two ranks, not 3"),
        ({**KERAS, "ranks": 2}, "logger='keras' supports only one rank"),
        ({**KERAS, "gradient_checkpointing": True}, "logger='keras' supports only one rank"),
        ({**KERAS, "precision": "fp16"}, "logger='keras' supports only one rank"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnsupportedWorkload) as caught:
        TrainingRun.of(training(**fields), seed=7)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fp16_needs_a_loss_scale() -> None:
    open_scale = training(precision="fp16").model_copy(update={"initial_loss_scale": None})
    with pytest.raises(UnsupportedWorkload, match="fp16 needs an initial_loss_scale"):
        TrainingRun.of(open_scale, seed=7)


MAY_BE_OPEN = {"kind", "rdma", "transport", "link_mbit_per_second", "initial_loss_scale", "seed", "repetition"} | {
    *("precision_by", "grad_accum_dtype", "weights"),
}


@pytest.mark.parametrize("name", sorted(set(Training.model_fields) - MAY_BE_OPEN))
def test_an_open_field_is_named(name: str) -> None:
    with pytest.raises(UnsupportedWorkload, match=rf"{name}: Field required"):
        TrainingRun.of(training().model_copy(update={name: None}), seed=7)


def test_all_open_fields_are_named_at_once() -> None:
    with pytest.raises(UnsupportedWorkload, match=r"model: .*; precision: .*; logger: "):
        TrainingRun.of(Training(), seed=7)

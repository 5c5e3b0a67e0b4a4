"""The configuration of the Trainer and of DeepSpeed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from warm import inside, training

from llm_claims.workloads.training.run import TrainingRun

WEIGHTS_OF_7B = 6_740_000_000


def run_of(**fields: Any) -> TrainingRun:
    return TrainingRun.of(training(**fields), seed=7)


@inside
def test_sizes_that_deepspeed_counts_in_weights_are_scaled_by_the_model() -> None:
    from llm_claims.workloads.training.trainers import deepspeed_config

    large, small = (
        deepspeed_config(run_of(zero_stage=3), weights)["zero_optimization"]
        for weights in (WEIGHTS_OF_7B, WEIGHTS_OF_7B // 50_000)
    )
    assert large.pop("stage") == small.pop("stage") == 3
    # The defaults of DeepSpeed.
    assert large == {
        "reduce_bucket_size": 500_000_000,
        "allgather_bucket_size": 500_000_000,
        "stage3_prefetch_bucket_size": 50_000_000,
        "stage3_param_persistence_threshold": 100_000,
        "stage3_max_live_parameters": 1_000_000_000,
        "stage3_max_reuse_distance": 1_000_000_000,
    }
    assert small == {name: pytest.approx(value / 50_000, abs=1) for name, value in large.items()}


@pytest.mark.parametrize(("scale", "power"), [(2.0**16, 16), (2.0**24, 24), (256.0, 8)])
@inside
def test_the_initial_loss_scale_reaches_deepspeed_as_a_power(scale: float, power: int) -> None:
    from llm_claims.workloads.training.trainers import deepspeed_config

    run = run_of(zero_stage=1, precision="fp16", initial_loss_scale=scale)
    assert deepspeed_config(run, WEIGHTS_OF_7B)["fp16"]["initial_scale_power"] == power


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@inside
def test_the_trainer_is_configured_as_asked(tmp_path: Path, precision: str) -> None:
    from llm_claims.workloads.training.trainers import training_arguments

    run = run_of(precision=precision, micro_batch=3, gradient_accumulation=5, learning_rate=0.5, warmup_steps=9)
    found = training_arguments(run, tmp_path, 1000)
    assert (found.bf16, found.fp16) == (precision == "bf16", precision == "fp16")
    assert (found.per_device_train_batch_size, found.gradient_accumulation_steps) == (3, 5)
    assert (found.learning_rate, found.warmup_steps, found.seed) == (0.5, 9, 7)
    assert found.lr_scheduler_type == "constant_with_warmup"
    assert found.deepspeed is None
    assert list(tmp_path.iterdir()) == []


@inside
def test_the_bar_is_drawn_whatever_the_user_wants_to_hear(tmp_path: Path) -> None:
    """The seconds of recent steps are read from it."""
    from transformers.utils import logging

    from llm_claims.workloads.training.trainers import training_arguments

    logging.set_verbosity_error()
    assert training_arguments(run_of(), tmp_path, 1000).disable_tqdm is False

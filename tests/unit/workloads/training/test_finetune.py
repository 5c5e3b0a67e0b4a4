"""One run of the Trainer: what it measures, what its witness sees, and that its seed decides everything.

The runs are real, and a few seconds in all: the training program answers each question once.
"""

from __future__ import annotations

from typing import Any

import pytest
from warm import Fork, Train, training

from llm_claims.workloads.base import differences
from llm_claims.workloads.protocol import Answer, Printed
from llm_claims.workloads.witness import Witness

# 23 micro-batches, the last one of three samples; the last of twelve steps has one of them.
SHORT: dict[str, Any] = {"samples": 91, "warmup_steps": 4}
# Nine of the samples come twice: 5 micro-batches of 4 on each of 2 ranks.
TWO: dict[str, Any] = {"ranks": 2, "samples": 31, "context_tokens": 16, "warmup_steps": 1}
ZERO: dict[str, Any] = {"samples": 31, "warmup_steps": 1}
# 2**24 is halved eight times until the gradients are finite.
SKIPPING: dict[str, Any] = {"samples": 131, "warmup_steps": 4, "precision": "fp16", "initial_loss_scale": 2.0**24}


def witness_of(answer: Answer) -> Witness:
    assert answer.outcome.kind == "completed", answer.outcome.signature
    assert answer.witness is not None
    return answer.witness


def series(answer: Answer, name: str) -> tuple[float, ...]:
    values = answer.metrics[name]
    assert isinstance(values, tuple)
    return values


@pytest.mark.parametrize(
    "fields",
    [
        SHORT,
        {**SHORT, "precision": "bf16"},
        {**SHORT, "gradient_accumulation": 1, "micro_batch": 8},
        {**SHORT, "gradient_checkpointing": True, "new_token_init": "mean"},
        {**SHORT, "warmup_steps": 0},
        SKIPPING,
        TWO,
        {**ZERO, "zero_stage": 1},
        {**ZERO, "zero_stage": 3},
        {**ZERO, "zero_stage": 0, "parallelism": "deepspeed", "ranks": 2},
        *({**ZERO, "zero_stage": stage, "precision": "bf16", "grad_accum_dtype": "fp32"} for stage in (1, 2, 3)),
        {**ZERO, "zero_stage": 2, "precision": "bf16", "grad_accum_dtype": "bf16"},
    ],
    ids=[
        *("plain", "bf16", "other-batch", "checkpointing-mean", "cold", "fp16", "ddp", "zero1", "zero3", "deepspeed"),
        *("zero1-fp32-sums", "zero2-fp32-sums", "zero3-fp32-sums", "zero2-bf16-sums"),
    ],
)
def test_the_witness_has_everything_the_workload_states(train: Train, fields: dict[str, Any]) -> None:
    seen = witness_of(train(**fields))
    assert differences(training(**fields), seen) == []
    assert (seen.device, seen.threads) == ("cpu", 1)
    assert seen.transport == ("gloo" if training(**fields).ranks == 2 else None)


def test_the_trainers_own_fp16_is_what_it_is_asked_for_and_the_products_tell_what_it_made_of_that(train: Train) -> None:
    own = train(**SHORT, precision="fp16", precision_by="trainer")
    ours = train(**SHORT, precision="fp16")
    assert differences(training(**SHORT, precision="fp16", precision_by="trainer"), witness_of(own)) == []
    assert (witness_of(own).precision_by, own.metrics["forward_bits"]) == ("trainer", 32)
    assert (witness_of(ours).precision_by, ours.metrics["forward_bits"]) == ("program", 16)
    asked = training(**SHORT, precision="fp16")
    assert differences(asked, witness_of(own)), "nobody else is given products of another precision"


def test_gradients_are_as_wide_as_what_they_were_added_up_in(train: Train) -> None:
    def bits(**fields: Any) -> Any:
        return train(**ZERO, **fields).metrics.get("gradient_bits")

    assert bits() == bits(zero_stage=2) == 32
    assert bits(zero_stage=2, precision="bf16") == bits(zero_stage=3, precision="bf16") == 16
    assert bits(zero_stage=2, precision="bf16", grad_accum_dtype="fp32") == 32
    assert bits(zero_stage=2, gradient_accumulation=1) is None, "nothing was added up"


def test_the_seed_decides_every_loss(train: Train) -> None:
    first, again, other = train(**SHORT), train(**SHORT, again=True), train(**SHORT, seed=8)
    assert first is not again
    for name in ("step_losses", "logged_losses", "train_loss"):
        assert first.metrics[name] == again.metrics[name]
        assert first.metrics[name] != other.metrics[name]
    assert not set(series(first, "step_losses")) & set(series(other, "step_losses"))


def test_a_stated_seed_is_the_one_that_counts(train: Train, training_program: Fork) -> None:
    stated = training_program.ask(training(**SHORT, seed=8), seed=7)
    assert stated.metrics["step_losses"] == train(**SHORT, seed=8).metrics["step_losses"]


@pytest.mark.parametrize("fields", [SHORT, {**SHORT, "precision": "bf16"}, {**SHORT, "samples": 190}])
def test_micro_batches_add_up_to_what_the_trainer_logs(train: Train, fields: dict[str, Any]) -> None:
    answer = train(**fields)
    losses = series(answer, "step_losses")
    windows = [sum(losses[end - 10 : end]) / 10 for end in range(10, len(losses) + 1, 10)]
    assert series(answer, "logged_losses") == pytest.approx(windows, rel=1e-6)
    assert answer.metrics["train_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-6)
    assert answer.metrics["highest_step_loss"] == max(losses)
    assert len(losses) == answer.metrics["optimizer_steps"]


def test_losses_of_several_ranks_are_their_mean(train: Train) -> None:
    """As the Trainer logs them; in its train_loss the first rank alone stands for the steps since the last log."""
    answer = train(**{**TWO, "samples": 43, "micro_batch": 2, "gradient_accumulation": 1})
    losses = series(answer, "step_losses")
    assert series(answer, "logged_losses") == pytest.approx([sum(losses[:10]) / 10], rel=1e-6)


def test_what_the_trainer_reports_is_in_the_answer(train: Train) -> None:
    found = train(**SHORT).metrics
    assert found["optimizer_steps"] == 12
    assert found["last_epoch"] == 1
    assert (found["last_logged_step"], found["logging_steps"]) == (10, 10)
    assert found["last_logged_epoch"] == pytest.approx(20 / 23)
    assert found["last_logged_learning_rate"] == 0.01
    assert found["last_logged_loss"] == series(train(**SHORT), "logged_losses")[-1]
    assert found["global_batch_samples"] == 8


def test_times_agree_with_each_other(train: Train) -> None:
    found = train(**{**SHORT, "samples": 190}).metrics
    runtime, rate, elapsed = (
        found[name] for name in ("train_runtime_seconds", "train_steps_per_second", "elapsed_seconds")
    )
    for printed in (runtime, rate, elapsed):
        assert isinstance(printed, Printed)
    assert isinstance(found["step_seconds"], float)
    assert isinstance(found["recent_step_seconds"], float)
    assert rate.value * runtime.value == pytest.approx(found["optimizer_steps"], rel=0.01)  # type: ignore[union-attr]
    assert found["step_seconds"] * found["optimizer_steps"] < 1.1 * runtime.value  # type: ignore[union-attr, operator]
    assert elapsed.value <= runtime.value  # type: ignore[union-attr]


def test_without_overflow_nothing_is_skipped(train: Train) -> None:
    for precision in ("fp32", "bf16"):
        answer = train(**{**SHORT, "precision": precision})
        assert answer.metrics["skipped_optimizer_steps"] == 0
        assert witness_of(answer).initial_loss_scale is None


def test_skipped_steps_are_counted_and_do_not_hide_the_warm_up(train: Train) -> None:
    answer = train(**SKIPPING)
    seen = witness_of(answer)
    assert answer.metrics["optimizer_steps"] == 17
    assert 6 <= answer.metrics["skipped_optimizer_steps"] <= 10  # type: ignore[operator]
    assert (seen.initial_loss_scale, seen.warmup_steps, seen.learning_rate) == (2.0**24, 4, 0.01)
    assert seen.forward_dtypes == ("float16",)
    skipped = int(answer.metrics["skipped_optimizer_steps"])  # type: ignore[arg-type]
    unscaled = train(**{**SKIPPING, "precision": "fp32", "initial_loss_scale": None})
    assert series(answer, "step_losses")[0] == pytest.approx(series(unscaled, "step_losses")[0], rel=1e-3)
    assert min(series(answer, "step_losses")[:skipped]) > 5, "it has learned nothing yet"


def test_skipped_steps_excuse_a_run_that_ends_before_its_warm_up(train: Train) -> None:
    """It takes 9 to 15 of its 21 steps, and each moves the rate by a sixteenth."""
    fields = {**SKIPPING, "samples": 163, "warmup_steps": 16}
    answer = train(**fields)
    assert answer.metrics["optimizer_steps"] - answer.metrics["skipped_optimizer_steps"] <= 16  # type: ignore[operator]
    assert differences(training(**fields), witness_of(answer)) == []


def test_a_lower_scale_skips_nothing(train: Train) -> None:
    answer = train(**{**SKIPPING, "samples": 43, "initial_loss_scale": 256.0})
    assert answer.metrics["skipped_optimizer_steps"] == 0
    assert witness_of(answer).initial_loss_scale == 256


def test_a_warm_up_that_never_ends_is_seen_as_far_as_it_went(train: Train) -> None:
    fields = {**SHORT, "warmup_steps": 40}
    assert differences(training(**fields), witness_of(train(**fields))) == [
        "learning_rate: asked 0.01, the run saw 0.0027500000000000003",
        "warmup_steps: asked 40, the run saw 11",
    ]


def test_samples_are_counted_once_over_all_ranks(train: Train) -> None:
    assert witness_of(train(**TWO)).samples == 31
    assert train(**TWO).metrics["optimizer_steps"] == 2


def test_each_zero_stage_learns_the_same(train: Train) -> None:
    """Also as the plain way to share the work among two."""
    one, three = (train(**ZERO, zero_stage=stage) for stage in (1, 3))
    assert series(one, "step_losses") == pytest.approx(series(three, "step_losses"), rel=1e-4)
    assert [witness_of(train(**fields)).zero_stage for fields in (TWO, {**ZERO, "zero_stage": 1})] == [0, 1]


@pytest.mark.parametrize("samples", [1, 8, 16])
def test_a_run_of_a_step_or_two_is_still_told(train: Train, samples: int) -> None:
    answer = train(samples=samples, warmup_steps=0)
    assert answer.outcome.kind == "completed", answer.outcome.signature
    assert ("step_seconds" in answer.metrics) == (samples > 8)
    assert answer.metrics["recent_step_seconds"] > 0  # type: ignore[operator]
    assert "logged_losses" not in answer.metrics

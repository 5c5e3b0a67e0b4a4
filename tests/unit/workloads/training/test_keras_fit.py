"""Keras: what it logs, beside what its steps lost."""

from __future__ import annotations

from typing import Any

import pytest
from warm import Train, training

from llm_claims.workloads.base import differences

KERAS: dict[str, Any] = {"logger": "keras", "samples": 91, "warmup_steps": 4}


@pytest.mark.parametrize(
    "changes",
    [{}, {"precision": "bf16"}, {"gradient_accumulation": 1, "new_token_init": "mean", "warmup_steps": 0}],
    ids=["plain", "bf16", "other-batch"],
)
def test_the_witness_has_everything_the_workload_states(train: Train, changes: dict[str, Any]) -> None:
    fields = {**KERAS, **changes}
    answer = train(**fields)
    assert answer.outcome.kind == "completed", answer.outcome.signature
    assert differences(training(**fields), answer.witness) == []


@pytest.mark.parametrize("changes", [{}, {"gradient_accumulation": 1, "new_token_init": "mean", "warmup_steps": 0}])
def test_it_logs_running_means_of_what_the_steps_lost(train: Train, changes: dict[str, Any]) -> None:
    found = train(**{**KERAS, **changes})
    losses, logged = found.metrics["step_losses"], found.metrics["logged_losses"]
    assert isinstance(losses, tuple)
    assert isinstance(logged, tuple)
    assert len(logged) == len(losses) // 10 >= 1
    assert logged == pytest.approx([sum(losses[:end]) / end for end in range(10, len(losses) + 1, 10)], rel=1e-5)
    assert found.metrics["last_logged_loss"] == logged[-1]
    assert found.metrics["optimizer_steps"] == len(losses)


def test_the_seed_decides_every_loss(train: Train) -> None:
    first, again, other = train(**KERAS), train(**KERAS, again=True), train(**KERAS, seed=8)
    assert first.metrics == again.metrics
    assert first.metrics["step_losses"] != other.metrics["step_losses"]


def test_it_learns(train: Train) -> None:
    losses = train(**KERAS).metrics["step_losses"]
    assert isinstance(losses, tuple)
    assert losses[-1] < losses[0] - 1


def test_a_run_too_short_to_log_is_still_told(train: Train) -> None:
    fields = {**KERAS, "samples": 12, "warmup_steps": 0}
    answer = train(**fields)
    assert answer.outcome.kind == "completed", answer.outcome.signature
    assert differences(training(**fields), answer.witness) == []
    assert answer.metrics["optimizer_steps"] == 1
    assert "logged_losses" not in answer.metrics


def test_a_run_without_a_step_is_refused_by_its_witness(train: Train) -> None:
    fields = {**KERAS, "samples": 4, "warmup_steps": 0}
    answer = train(**fields)
    assert differences(training(**fields), answer.witness) == ["gradient_accumulation: asked 2, the run saw None"]

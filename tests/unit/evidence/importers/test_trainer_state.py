"""``trainer_state.json``: its figures, and the loss that is derived where it has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.run import Run

Read = Callable[..., list[Run]]
LOGGED = [
    {"epoch": 0.4, "learning_rate": 1e-05, "loss": 2.0, "step": 10},
    {"epoch": 0.8, "eval_loss": 1.5, "step": 20},
    {"epoch": 0.8, "learning_rate": 1e-05, "loss": 1.5, "step": 20},
    {"epoch": 1.0, "learning_rate": 1e-05, "loss": 1.0, "step": 25},
]
END = {"epoch": 1.0, "step": 25, "train_loss": 1.6004, "train_runtime": 121.7735, "train_samples_per_second": 7.884}


def state(*log_history: dict[str, Any], **fields: Any) -> str:
    whole = {"epoch": 1.0, "global_step": 25, "log_history": log_history, "logging_steps": 10, "train_batch_size": 8}
    return json.dumps({**whole, **fields}, indent=1)


def test_the_loss_is_derived_and_says_so(read: Read) -> None:
    (run,) = read(state(*LOGGED), "trainer_state.json")
    loss = run.metrics["train_loss"]
    # 10 steps of 2, 10 of 1.5, 5 of 1: each figure is the mean of the steps since the one before.
    assert (loss.samples, loss.resolution) == ((1.6,), 0.0001)
    assert loss.note is not None
    assert loss.note.startswith("derived: ")
    assert run.metrics["logged_losses"].samples == (2.0, 1.5, 1.0)
    assert run.metrics["eval_loss"].samples == (1.5,)
    assert run.metrics["optimizer_steps"].spread == "exact"
    assert run.fields["micro_batch"][0] == 8
    lines = state(*LOGGED).splitlines()
    place = next(number for number, line in enumerate(lines, 1) if '"global_step"' in line)
    assert run.metrics["optimizer_steps"].place == f"{run.path}, line {place}"


def test_a_final_entry_needs_no_derived_loss(read: Read) -> None:
    (run,) = read(state(*LOGGED, END))
    assert (run.metrics["train_loss"].samples, run.metrics["train_loss"].note) == ((1.6004,), None)
    assert run.metrics["train_runtime_seconds"].resolution == 0.0001


def test_losses_of_a_part_of_the_steps_give_no_mean(read: Read) -> None:
    (run,) = read(state(*LOGGED[:-1]))
    assert "train_loss" not in run.metrics
    assert run.remarks == ["no train_loss: the logged losses are not those of all steps"]


def test_a_nan_is_divergence(read: Read) -> None:
    (run,) = read(state(*LOGGED[:-1], {**LOGGED[-1], "loss": float("nan")}))
    assert run.outcome.kind == "failed"
    assert "train_loss" not in run.metrics


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (state(), "its log_history has no loss"),
        ('{"log_history": 1}', "no trainer_state.json"),
        (state(*LOGGED)[:-20], "not JSON, or cut short"),
        (state(*LOGGED, epoch="1,0").replace('"1,0"', "1,0"), "not JSON, or cut short"),
        (state(*LOGGED, epoch=float("inf")), "last_epoch is Infinity, where a figure is needed"),
        (state(*LOGGED).replace('"epoch": 1.0', '"epoch": 1.0, "epoch": 2.0'), "the key 'epoch' stands twice"),
    ],
)
def test_what_cannot_be_trusted_is_refused(read: Read, text: str, said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read(text)
    assert said in str(caught.value)

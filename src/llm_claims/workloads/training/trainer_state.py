"""``trainer_state.json``, which the Trainer keeps in a checkpoint, as a run of training."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from llm_claims.workloads.imports.format import Figure, Format, FoundRun, exact, printed
from llm_claims.workloads.training.trainer_values import ROUNDED, resolution

DERIVED = "mean of the logged losses, weighted by their steps: the file has no loss of the whole run"


class TrainerState(Format):
    """``trainer-state``: the state of a run, with all that it logged, and without its end."""

    name = "trainer-state"

    def recognizes(self, beginning: str) -> bool:
        """Whether the keys of a state are there."""
        return beginning.lstrip()[:1] == "{" and '"global_step"' in beginning

    def read(self, path: Path) -> list[FoundRun]:
        """Return the one run."""
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
        if not isinstance(state, dict) or "log_history" not in state:
            raise ValueError("no log_history: is this a trainer_state.json?")
        run = FoundRun("log_history", {"logger": "hf-trainer"})
        logged = [(number, entry) for number, entry in enumerate(state["log_history"]) if "loss" in entry]
        for number, entry in logged:
            if not math.isfinite(float(entry["loss"])):
                run.diverged = f"log_history[{number}]: the loss is {entry['loss']}"
                return [run]
            run.ignored |= set(entry) - {"loss", "epoch", "learning_rate", "step"}
        if not logged:
            raise ValueError("log_history has no loss")
        run.figures = {**_of_last(*logged[-1]), **_of_all(logged, int(state["global_step"]))}
        for number, entry in enumerate(state["log_history"]):
            if "eval_loss" in entry:
                run.figures["eval_loss"] = _figure(entry, "eval_loss", "nats", f"log_history[{number}]")
        run.figures["optimizer_steps"] = exact(int(state["global_step"]), "steps", "global_step")
        if (every := float(state.get("logging_steps") or 0)) >= 1:
            run.figures["logging_steps"] = exact(every, "steps", "logging_steps")
        return [run]


def _of_last(number: int, entry: dict[str, Any]) -> dict[str, Figure]:
    place = f"log_history[{number}]"
    found = {"last_logged_loss": _figure(entry, "loss", "nats", place)}
    if "learning_rate" in entry:
        found["last_logged_learning_rate"] = _figure(entry, "learning_rate", "1", place)
    if "epoch" in entry:
        found["last_logged_epoch"] = _figure(entry, "epoch", "epochs", place)
    if "step" in entry:
        found["last_logged_step"] = exact(int(entry["step"]), "steps", f"{place}.step")
    return found


def _of_all(logged: list[tuple[int, dict[str, Any]]], steps: int) -> dict[str, Figure]:
    """The logged losses, and their mean, where they cover the whole run."""
    place = f"log_history[{logged[0][0]}] to [{logged[-1][0]}]"
    losses = [float(entry["loss"]) for _, entry in logged]
    found = {"logged_losses": printed(losses, "nats", place, ROUNDED["loss"])}
    ends = [int(entry.get("step", 0)) for _, entry in logged]
    if ends[-1] == steps and ends == sorted(set(ends)):
        windows = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        mean = sum(loss * window for loss, window in zip(losses, windows, strict=True)) / steps
        found["train_loss"] = printed([mean], "nats", place, ROUNDED["loss"], DERIVED)
    return found


def _figure(entry: dict[str, Any], key: str, unit: str, place: str) -> Figure:
    return printed([float(entry[key])], unit, f"{place}.{key}", resolution(key, entry[key]))

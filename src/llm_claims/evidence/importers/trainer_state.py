"""``trainer_state.json``, which the Hugging Face Trainer writes beside every checkpoint."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.digits import decimals
from llm_claims.evidence.importers.located_json import read_objects
from llm_claims.evidence.importers.run import Format, Printed, Run
from llm_claims.evidence.importers.trainer_figures import Line, drop_losses, keep_ended, keep_evaluated, keep_logged

NAME = "trainer-state"


def read(path: Path) -> list[Run]:
    """Read the one run of a file.

    Raises
    ------
    RecordingError
        It is no such file, or logged nothing.
    """
    (state, _), *more = read_objects(path)
    if more or not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise RecordingError(f"{path}: no trainer_state.json: an object with a log_history is expected")
    lines = [_line(entry) for entry in state["log_history"] if isinstance(entry, dict)]
    logged = [line for line in lines if "loss" in line.figures]
    ended = [line for line in lines if "train_runtime" in line.figures]
    if not lines or not (logged or ended):
        raise RecordingError(f"{path}: its log_history has no loss, so there is no run in it")
    run = Run(path, NAME, "training", last=lines[-1].number)
    keep_logged(run, logged)
    keep_evaluated(run, [line for line in lines if any(name.startswith("eval_") for name in line.figures)])
    for line in ended:
        keep_ended(run, line)
    _keep_state(run, state)
    if not ended and run.outcome.kind == "completed":
        _derive_loss(run, logged)
    drop_losses(run)
    return [run]


def _line(entry: dict[str, Any]) -> Line:
    numbers = {name: value for name, value in entry.items() if isinstance(value, Printed)}
    return Line(
        {name: one.text for name, one in numbers.items()}, max((one.line for one in numbers.values()), default=1)
    )


def _keep_state(run: Run, state: dict[str, Any]) -> None:
    for name, metric in (("global_step", "optimizer_steps"), ("logging_steps", "logging_steps")):
        if isinstance(printed := state.get(name), Printed) and printed.value >= 1:
            run.add(metric, printed, resolution=None)
    if isinstance(epoch := state.get("epoch"), Printed) and "last_epoch" not in run.metrics:
        run.add("last_epoch", epoch, resolution=decimals(2))
    # Of one process, which has one device unless the old DataParallel is used.
    if isinstance(batch := state.get("train_batch_size"), Printed):
        run.state("micro_batch", int(batch.value), batch.line)


def _derive_loss(run: Run, logged: list[Line]) -> None:
    """Derive the mean loss of the run from the logged ones, each the mean of the steps since the one before."""
    steps = [int(line.figures.get("step", 0)) for line in logged]
    whole = run.metrics.get("optimizer_steps")
    if whole is None or steps[-1] != whole.samples[0] or sorted(set(steps)) != steps:
        run.remarks.append("no train_loss: the logged losses are not those of all steps")
        return
    widths = [step - before for before, step in zip([0, *steps], steps, strict=False)]
    total = sum(Decimal(line.figures["loss"]) * width for line, width in zip(logged, widths, strict=True))
    last = logged[-1].number
    run.add(
        "train_loss",
        Printed(str(round(total / steps[-1], 6)), last),
        # The mean of rounded figures is no rougher than the roughest of them.
        resolution=lambda _: Decimal("0.0001"),
        note="derived: the mean of the logged losses, weighted by their steps; the file has no final line",
    )


FORMAT = Format(NAME, (b'"log_history"',), read)

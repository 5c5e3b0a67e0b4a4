"""The Trainer's figures: which metric each name is, how its printer rounds, and which of them tell that a run diverged.

``Trainer._maybe_log_save_evaluate`` of transformers 4 rounds ``loss`` to 4 decimals and ``epoch`` to 2, `speed_metrics`
rounds ``train_runtime`` to 4 and rates to 3, and nothing rounds the rest. ``ProgressCallback.on_log`` of transformers 5
prints strings of 4 significant digits. `metrics_format` rounds to 4 decimals, and cuts hundredths of seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llm_claims.evidence.importers.digits import Resolution, decimals, shown, significant, unrounded
from llm_claims.evidence.importers.run import Printed, Run, fault
from llm_claims.workloads.outcome import Outcome

LOGGED = {
    "loss": "last_logged_loss",
    "learning_rate": "last_logged_learning_rate",
    "epoch": "last_logged_epoch",
    "step": "last_logged_step",
}
EVALUATED = {"eval_loss": "eval_loss"}
ENDED = {
    "train_loss": "train_loss",
    "train_runtime": "train_runtime_seconds",
    "train_samples_per_second": "train_samples_per_second",
    "train_steps_per_second": "train_steps_per_second",
    "epoch": "last_epoch",
}
_ROUNDED: dict[str, Resolution | None] = {
    "loss": decimals(4),
    "epoch": decimals(2),
    "train_runtime": decimals(4),
    "train_samples_per_second": decimals(3),
    "train_steps_per_second": decimals(3),
    "step": None,
}
_CLOCK = re.compile(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d\.\d\d)")


class Line(NamedTuple):
    """The figures of one line by name; ``quoted`` says that they were printed as strings of 4 significant digits."""

    figures: Mapping[str, str]
    number: int
    quoted: bool = False

    def printed(self, name: str) -> Printed:
        """One figure with its line."""
        return Printed(self.figures[name], self.number)

    def resolution(self, name: str) -> Resolution | None:
        """How the printer rounds a figure; ``None`` for a count."""
        rounding = _ROUNDED.get(name, unrounded)
        return significant(4) if self.quoted and rounding is not None else rounding


def keep_logged(run: Run, lines: Sequence[Line]) -> None:
    """Keep what was logged on the way: the losses, and all of the last line."""
    if not lines:
        return
    _keep(run, lines[-1], LOGGED)
    if diverged := _divergence(lines):
        run.outcome = Outcome(kind="failed", signature=diverged)
    else:
        losses = [line.printed("loss") for line in lines]
        run.add("logged_losses", *losses, resolution=lines[0].resolution("loss"))


def keep_evaluated(run: Run, lines: Sequence[Line]) -> None:
    """Keep the last evaluation."""
    for line in lines[-1:]:
        _keep(run, line, EVALUATED)


def keep_ended(run: Run, line: Line) -> None:
    """Keep the figures of the end of a run; a rougher one does not take the place of one that is known."""
    if not math.isfinite(_number(line.figures.get("train_loss", "0"))) and run.outcome.kind == "completed":
        text = line.figures["train_loss"]
        run.outcome = Outcome(kind="failed", signature=f"diverged: train_loss is {text} in line {line.number}")
    _keep(run, line, ENDED)


def keep_block(run: Run, line: Line) -> None:
    """Keep what the block ``***** train metrics *****`` shows, with the size of the data that it states."""
    for name, text in line.figures.items():
        if name == "train_samples":
            run.state("samples", _whole(run, name, text, line.number), line.number)
        elif name == "train_runtime":
            seconds = Printed(seconds_of(text), line.number)
            if ENDED[name] not in run.metrics:
                run.add(ENDED[name], seconds, resolution=shown, rounding="down", note=f"printed as {text}")
        elif name in ENDED and ENDED[name] not in run.metrics:
            run.add(ENDED[name], line.printed(name), resolution=_ROUNDED.get(name, decimals(4)))
    run.left_out |= line.figures.keys() - ENDED.keys() - {"train_samples"}


def _whole(run: Run, name: str, text: str, number: int) -> int:
    if not text.isdecimal():
        fault(run.path, number, f"{name} is {text!r}, which is no whole number")
    return int(text)


def seconds_of(clock: str) -> str:
    """Return the seconds, as a decimal, of a time such as ``0:12:46.92``.

    Raises
    ------
    ValueError
        It is no such time.
    """
    if (found := _CLOCK.fullmatch(clock)) is None:
        raise ValueError(f"{clock!r} is no time such as 0:12:46.92")
    days, hours, minutes, seconds = found.groups(default="0")
    whole = (int(days) * 24 + int(hours)) * 3600 + int(minutes) * 60 + int(seconds[:2])
    return f"{whole}{seconds[2:]}"


def drop_losses(run: Run) -> None:
    """Remove the losses of a run that diverged: the Trainer leaves NaNs out of its means."""
    if run.outcome.kind != "completed":
        run.metrics = {name: one for name, one in run.metrics.items() if one.unit != "nats"}


def _keep(run: Run, line: Line, names: Mapping[str, str]) -> None:
    for name, metric in names.items():
        if name not in line.figures or (_is_loss(name) and not math.isfinite(_number(line.figures[name]))):
            continue
        known = run.metrics.get(metric)
        resolution = line.resolution(name)
        rougher = known and resolution and (known.resolution or 0) <= resolution(line.figures[name])
        if not rougher:
            run.add(metric, line.printed(name), resolution=resolution)
    run.left_out |= line.figures.keys() - names.keys() - {"total_flos", "epoch"}


def _divergence(lines: Sequence[Line]) -> str | None:
    """Say where a loss stopped being a number.

    With ``logging_nan_inf_filter`` the Trainer logs a NaN as 0.0; then the norm of the gradient tells. A norm alone
    does not: a step that loss scaling skips has such a norm, too.
    """
    for line in lines:
        loss, norm = (_number(line.figures.get(name, "0")) for name in ("loss", "grad_norm"))
        if not math.isfinite(loss):
            return f"diverged: loss is {line.figures['loss']} in line {line.number}"
        if loss == 0 and not math.isfinite(norm):
            return f"diverged: loss is 0.0 and grad_norm {line.figures['grad_norm']} in line {line.number}"
    return None


def _is_loss(name: str) -> bool:
    return name.endswith("loss")


def _number(text: str) -> float:
    """The number of a text; zero for what is none, which is refused where it is kept."""
    try:
        return float(text)
    except ValueError:
        return 0.0

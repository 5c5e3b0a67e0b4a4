"""What a run of the Hugging Face Trainer prints: lines of figures between progress bars, and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from llm_claims.evidence.importers.digits import shown
from llm_claims.evidence.importers.run import Format, Printed, Run, fault
from llm_claims.evidence.importers.text import ends_with_line
from llm_claims.evidence.importers.trainer_figures import (
    Line,
    drop_losses,
    keep_block,
    keep_ended,
    keep_evaluated,
    keep_logged,
    seconds_of,
)
from llm_claims.evidence.importers.trainer_lines import BLOCK, Bar, BlockBegins, BlockLine, Ended, Event, Skip, events

NAME = "hf-trainer"
UNFINISHED = (
    "the last figures of a run whose end is not in the log (a line with 'train_runtime'): it was cut off, "
    "or is still going on"
)


@dataclass
class _Part:
    """What a log has between the ends of two runs, and the ends of the one: there may be three that tell the same."""

    logged: list[Line] = field(default_factory=list)
    evaluated: list[Line] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    block: dict[str, BlockLine] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return bool(self.ends or "train_runtime" in self.block)

    def epoch(self) -> float:
        """The last epoch that the end tells; none is before all."""
        return max((_epoch(end.line) for end in self.ends), default=0.0)

    def seconds(self) -> Decimal:
        """How long the run took."""
        if self.ends:
            return Decimal(self.ends[-1].line.figures["train_runtime"])
        return Decimal(seconds_of(self.block["train_runtime"].text))


def read(path: Path) -> list[Run]:
    """Read the runs of one log.

    Raises
    ------
    RecordingError
        A line is cut off or has no number where one is needed, or a run has no end or was restarted; the text names
        the line.
    """
    parts = [_Part()]
    for event in events(path):
        if _begins_another(parts[-1], event):
            parts.append(_Part())
        _take(parts[-1], event)
    for part in parts:
        _check(path, part)
    return [_run(path, part) for part in parts if part.has_ended]


def _begins_another(part: _Part, event: Event) -> bool:
    """Whether an event belongs to another run than those before; evaluations and bars may follow the end of theirs."""
    if isinstance(event, Line):
        return part.has_ended and ("loss" in event.figures or _epoch(event) < part.epoch())
    if isinstance(event, BlockBegins):
        return "train_runtime" in part.block
    if isinstance(event, BlockLine) and event.name == "train_runtime" and part.ends:
        return abs(Decimal(seconds_of(event.text)) - part.seconds()) > 1
    if isinstance(event, Ended) and part.has_ended:
        return abs(Decimal(event.line.figures["train_runtime"]) - part.seconds()) > part.seconds() / 1000
    return isinstance(event, Skip) and part.has_ended


def _epoch(line: Line) -> float:
    return float(line.figures.get("epoch", 0))


def _take(part: _Part, event: Event) -> None:
    if isinstance(event, Ended):
        part.ends.append(event)
    elif isinstance(event, Bar):
        part.bars.append(event)
    elif isinstance(event, Skip):
        part.skips.append(event)
    elif isinstance(event, BlockLine):
        part.block.setdefault(event.name, event)
    elif isinstance(event, Line) and "loss" not in event.figures:
        part.evaluated.append(event)
    elif isinstance(event, Line) and (not part.logged or part.logged[-1].figures != event.figures):
        # Without a name of the rank before it, the same line twice is that of two ranks.
        part.logged.append(event)


def _check(path: Path, part: _Part) -> None:
    for before, line in pairwise(one for one in part.logged if "epoch" in one.figures):
        if _epoch(line) < _epoch(before):
            fault(
                path,
                line.number,
                f"the epoch goes back from {before.figures['epoch']} to {line.figures['epoch']}: a run was restarted "
                "in this log. Cut it before this line, and import the part that ends",
            )
    if part.logged and not part.has_ended:
        fault(path, part.logged[-1].number, UNFINISHED)
    for above, last in list(pairwise(part.block.values()))[-1:]:
        if last.width < above.width and not ends_with_line(path):
            fault(path, last.number, "the number is cut off: the line is shorter than the one above")


def _run(path: Path, part: _Part) -> Run:
    run = Run(path, NAME, "training")
    keep_logged(run, part.logged)
    keep_evaluated(run, part.evaluated)
    for end in part.ends:
        keep_ended(run, end.line)
        if end.steps is not None:
            run.add("optimizer_steps", Printed(str(end.steps), end.line.number), resolution=None)
        run.last = end.line.number
    if part.block:
        lines = part.block.values()
        run.last = run.last or max(line.number for line in lines)
        for one in lines:
            keep_block(run, Line({one.name: one.text}, one.number))
    _keep_skips(run, part.skips)
    _keep_bar(run, part)
    drop_losses(run)
    return run


def _keep_skips(run: Run, skips: list[Skip]) -> None:
    """Keep how many steps were skipped: the last total that DeepSpeed tells, and those after it."""
    if not skips:
        return
    told = max((place for place, skip in enumerate(skips) if skip.total is not None), default=None)
    total = len(skips) if told is None else (skips[told].total or 0) + len(skips[told + 1 :])
    run.add("skipped_optimizer_steps", Printed(str(total), skips[-1].number), resolution=None)
    if day := skips[-1].day:
        run.provenance["date"] = day


def _keep_bar(run: Run, part: _Part) -> None:
    """Keep what the run's own progress bar shows; that of an evaluation has another number of steps than the run."""
    speed = run.metrics.get("train_steps_per_second")
    if speed is None or speed.resolution is None:
        return
    seconds = float(part.seconds())
    steps, margin = speed.samples[0] * seconds, speed.resolution * seconds
    # Nor is it that of another run, which took another time.
    ours = [
        bar
        for bar in part.bars
        if bar.done == bar.steps
        and abs(bar.steps - steps) <= margin + 0.01 * steps
        and abs(bar.seconds - seconds) <= 2 + 0.01 * seconds
    ]
    for bar in ours[-1:]:
        if "optimizer_steps" not in run.metrics:
            run.add("optimizer_steps", Printed(str(bar.steps), bar.number), resolution=None)
        elapsed = Printed(str(bar.seconds), bar.number)
        run.add("elapsed_seconds", elapsed, resolution=shown, rounding="down", note=f"printed as {bar.elapsed}")
        if bar.unit == "s/it":
            run.add("recent_step_seconds", Printed(bar.rate, bar.number), resolution=shown)
        else:
            run.left_out.add("rate of the progress bar in it/s")


FORMAT = Format(NAME, (b"{'loss':", b"'train_runtime':", b"TrainOutput(", BLOCK), read)

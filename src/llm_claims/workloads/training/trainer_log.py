"""What the Hugging Face Trainer prints, with progress bars and DeepSpeed's lines, as runs of training."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from llm_claims.workloads.imports.format import Figure, Format, FoundRun, exact, printed
from llm_claims.workloads.imports.lines import segments
from llm_claims.workloads.training.trainer_values import Printed, duration, items, number

_BAR = re.compile(r"(\d+)/(\d+) \[((?:\d+:)?\d+:\d{2})<[^,]*,\s*([\d.]+)(s/it|it/s)")
_SKIPPED = re.compile(r"\bskipped=(\d+)")
_OUTPUT = re.compile(r"TrainOutput\(global_step=(\d+), training_loss=([\w.+-]+)")
_BLOCK_LINE = re.compile(r"\s*(\w+)\s*=\s*(\S+(?: days?, \S+)?)\s*$")
_RANK = re.compile(r"[^{]*?(?:\[\d+,(?:mpirank:)?\d+[\],]\S*:|\[rank\d+\]:?|\balgo-\d+\S*|\(\w+ pid=\d+\S*\))")
"""What launchers, Ray and CloudWatch write before the lines of a rank or host."""
_OVERFLOW = re.compile(r"OVERFLOW!(?: Rank (\d+))?")
_WANTED = re.compile(rb"[{}]|OVERFLOW!|skipped=|TrainOutput\(|\*{5} train metrics| = |it/s|s/it")
_METRICS = {
    "train_runtime": ("train_runtime_seconds", "s"),
    "train_samples_per_second": ("train_samples_per_second", "samples/s"),
    "train_steps_per_second": ("train_steps_per_second", "steps/s"),
    "train_loss": ("train_loss", "nats"),
    "epoch": ("last_epoch", "epochs"),
}
_LOGGED = {"learning_rate": ("last_logged_learning_rate", "1"), "epoch": ("last_logged_epoch", "epochs")}
_UNUSED = {"total_flos", "train_samples"}


class TrainerLog(Format):
    """``hf-trainer``: what a run prints."""

    name = "hf-trainer"

    def recognizes(self, beginning: str) -> bool:
        """Whether a dictionary with a loss, or the end of a run, is printed."""
        return any(
            words in beginning for words in ("{'loss':", "{'train_runtime':", "TrainOutput(", "***** train metrics")
        )

    def read(self, path: Path) -> list[FoundRun]:
        """Return the runs, one for each end that is printed, and one for what follows the last end."""
        reader = _Reader()
        for line, segment in segments(path):
            if _WANTED.search(segment):
                reader.take(line, segment)
        runs = [run.found() for run in reader.runs if run]
        if not runs:
            raise ValueError("no run: neither a loss nor the end of a run is printed")
        return runs


@dataclass
class _Run:
    """A run while its lines are read."""

    losses: list[tuple[int, Printed]] = field(default_factory=list)
    seen: dict[str, tuple[int, Printed]] = field(default_factory=dict)
    """The last value of other keys, each with its line."""
    texts: set[str] = field(default_factory=set)
    ends: dict[str, tuple[int, Printed]] = field(default_factory=dict)
    steps: tuple[int, int] | None = None
    bar: tuple[int, bytes] | None = None
    overflows: dict[str, int] = field(default_factory=dict)
    skipped: tuple[int, int] | None = None
    diverged: str = ""
    ignored: set[str] = field(default_factory=set)
    lines: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.losses or self.ends or self.diverged)

    @property
    def ended(self) -> bool:
        return "train_runtime" in self.ends or self.steps is not None

    def found(self) -> FoundRun:
        """Put what was read together."""
        place = (
            f"line {min(self.lines)}" if len(set(self.lines)) == 1 else f"lines {min(self.lines)} to {max(self.lines)}"
        )
        run = FoundRun(place, {"logger": "hf-trainer"}, diverged=self.diverged, ignored=self.ignored)
        if not self.diverged:
            run.figures = dict(self._figures())
        return run

    def _figures(self) -> Iterator[tuple[str, Figure]]:
        for key, (line, value) in self.ends.items():
            name, unit = _METRICS[key]
            yield name, _figure(value, unit, line)
        if self.losses:
            line, last = self.losses[-1]
            yield "last_logged_loss", _figure(last, "nats", line)
            values, places = [value.value for _, value in self.losses], [line for line, _ in self.losses]
            resolution = max(value.resolution for _, value in self.losses)
            yield "logged_losses", printed(values, "nats", f"lines {places[0]} to {places[-1]}", resolution)
        for key, (line, value) in self.seen.items():
            name, unit = _LOGGED.get(key, (key, "nats"))
            yield name, _figure(value, unit, line)
        if self.overflows or self.skipped:
            line = self.skipped[0] if self.skipped else self.lines[-1]
            yield "skipped_optimizer_steps", exact(self._skipped_steps(), "steps", f"line {line}")
        yield from self._of_bar()

    def _skipped_steps(self) -> int:
        """What DeepSpeed counted last, and the steps that were skipped after that; each rank tells of them."""
        return (self.skipped[1] if self.skipped else 0) + max(self.overflows.values(), default=0)

    def _of_bar(self) -> Iterator[tuple[str, Figure]]:
        steps = self.steps
        if self.bar is not None:
            line, segment = self.bar
            *_, (done, total, elapsed, rate, unit) = _BAR.findall(segment.decode(errors="replace"))
            if steps is None and done == total:
                steps = line, int(done)
            seconds = 0
            for part in elapsed.split(":"):
                seconds = seconds * 60 + int(part)
            if seconds:
                yield "elapsed_seconds", Figure((float(seconds),), "s", f"line {line}", 1.0, cut=True)
            if unit == "s/it":
                yield "recent_step_seconds", printed([float(rate)], "s/step", f"line {line}", 0.01)
        if steps is not None:
            yield "optimizer_steps", exact(steps[1], "steps", f"line {steps[0]}")


class _Reader:
    """Sorts the lines of a log into runs."""

    def __init__(self) -> None:
        self.runs: list[_Run] = [_Run()]
        self._in_block = False
        self._rank = ""
        self._bar: tuple[int, bytes] | None = None

    def take(self, line: int, segment: bytes) -> None:
        """Take what stands on a line."""
        if (b"it/s" in segment or b"s/it" in segment) and b"{'" not in segment:
            self._take_bar(line, segment)
            return
        text = segment.decode(errors="replace")
        if not self._is_of_our_rank(text):
            return
        if overflow := _OVERFLOW.search(text):
            self._now().overflows[overflow[1] or ""] = self._now().overflows.get(overflow[1] or "", 0) + 1
            self._now().lines.append(line)
        elif skipped := _SKIPPED.search(text):
            run = self._now()
            run.skipped = line, int(skipped[1])
            run.overflows.clear()
            run.lines.append(line)
        elif output := _OUTPUT.search(text):
            self._take_output(line, text, output)
        elif (start := max(text.find("{'"), text.find('{"'))) >= 0:
            self._take_items(line, text[start:])
        elif "***** train metrics" in text:
            self._in_block = True
        elif self._in_block:
            self._take_block_line(line, text)

    def _is_of_our_rank(self, text: str) -> bool:
        """Whether a line begins with no name of a rank or host, or with the first one of the log."""
        found = _RANK.match(text)
        if found is None:
            return True
        self._rank = self._rank or found[0]
        return found[0] == self._rank

    def _now(self) -> _Run:
        """The run that a line of training belongs to: after an end, a new one."""
        if self.runs[-1].ended:
            self.runs.append(_Run())
        return self.runs[-1]

    def _take_bar(self, line: int, segment: bytes) -> None:
        # The bar of training, and not that of an evaluation in its middle, is the last before the end.
        run = self.runs[-1]
        if not run.ended:
            self._bar = line, segment

    def _take_items(self, line: int, text: str) -> None:
        if "loss':" not in text and "train_runtime" not in text and "eval_" not in text:
            return
        found = items(text, line)
        if "train_runtime" in found:
            self._end(line, {key: number(key, found[key], line) for key in _METRICS if key in found}, set(found))
        elif "loss" in found or "eval_loss" in found:
            self._take_logged(line, text.partition("}")[0], found)

    def _take_logged(self, line: int, text: str, found: dict[str, str]) -> None:
        run = self._now()
        if text in run.texts:
            return  # Another rank says the same.
        run.texts.add(text)
        run.lines.append(line)
        if "loss" in found:
            loss = number("loss", found["loss"], line)
            gradient = number("grad_norm", found["grad_norm"], line).value if "grad_norm" in found else 0.0
            if not math.isfinite(loss.value):
                run.diverged = run.diverged or f"the loss is {loss.value} in line {line}"
            elif math.isnan(gradient):
                run.diverged = run.diverged or f"the gradient is nan in line {line}"
            run.losses.append((line, loss))
        for key in ("learning_rate", "epoch", "eval_loss"):
            if key in found and (key == "eval_loss" or "loss" in found):
                value = number(key, found[key], line)
                if math.isfinite(value.value):
                    run.seen[key] = line, value
        run.ignored |= set(found) - {"loss", "learning_rate", "epoch", "eval_loss"}

    def _take_output(self, line: int, text: str, output: re.Match[str]) -> None:
        loss = number("training_loss", output[2], line)
        start = text.find("{", output.end())
        found = items(text[start:], line) if start >= 0 else {}
        values = {key: number(key, found[key], line) for key in _METRICS if key in found}
        self._end(line, {**values, "train_loss": loss}, set(found))
        self.runs[-1].steps = line, int(output[1])

    def _take_block_line(self, line: int, text: str) -> None:
        found = _BLOCK_LINE.search(text)
        if found is None:
            self._in_block = False
            return
        key, value = found.groups()
        if key in _METRICS:
            read = duration(value) if key == "train_runtime" else None
            if read is None:
                read = Printed(number(key, value, line).value, 1e-3 if "per_second" in key else 1e-4)
            self._end(line, {key: read}, set())

    def _end(self, line: int, values: dict[str, Printed], keys: set[str]) -> None:
        """Take the end of a run; a run may tell of its end several times, in several ways."""
        run = self.runs[-1]
        runtime = values.get("train_runtime")
        known = run.ends.get("train_runtime")
        if runtime and known and abs(runtime.value - known[1].value) > runtime.resolution + known[1].resolution:
            run = self._now()
        if self._bar is not None and not run.ended:
            run.bar, self._bar = self._bar, None
        run.lines.append(line)
        run.ignored |= keys - set(_METRICS) - _UNUSED
        for key, value in values.items():
            if not math.isfinite(value.value):
                run.diverged = run.diverged or f"{key} is {value.value} in line {line}"
            elif key not in run.ends or value.resolution < run.ends[key][1].resolution:
                run.ends[key] = line, value


def _figure(value: Printed, unit: str, line: int) -> Figure:
    return printed([value.value], unit, f"line {line}", value.resolution)

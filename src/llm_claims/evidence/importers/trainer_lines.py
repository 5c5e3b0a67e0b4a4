"""The lines of a Trainer's log: figures, progress bars, and steps that DeepSpeed skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llm_claims.evidence.importers.run import fault, finite
from llm_claims.evidence.importers.text import Segment, segments
from llm_claims.evidence.importers.trainer_figures import Line, seconds_of

BLOCK = b"***** train metrics *****"
ORDERING = {"epoch", "train_runtime"}
"""Figures that runs are told apart by."""
_WORDS = (b"{'", b"OVERFLOW!", b"skipped=", BLOCK, b"  train_", b"  epoch ", b"  total_flos ")
# A number; or what other programs add to the line: a text, a tensor with its device, a list.
_VALUE = r"(?:'[^']*'|\"[^\"]*\"|tensor\([^)]*\)|\[[^\]]*\]|[^{}'\"\[\],]+)"
_FIGURES = re.compile(rf"\{{(?:'[^']*': {_VALUE}(?:, |(?=\}})))+\}}")
_FIGURE = re.compile(rf"'([^']*)': ({_VALUE})")
_KNOWN = re.compile(r"'(?:loss|train_runtime)': .*'epoch|TrainOutput\(|\{'(?:loss|train_runtime)':")
_OF_BLOCK = re.compile(r"  (epoch|train_\w+|total_flos)\s+=\s+(\S.*?)\s*$")
_STEPS = re.compile(r"TrainOutput\(global_step=(\d+)")
_BAR = re.compile(r"(\d+)/(\d+) \[((?:\d+:)?\d+:\d\d)<[^,\]]*, +([\d.]+)(s/it|it/s)\]$")
_RANK = re.compile(r"\[1,(?:mpirank:)?(\d+)[^\]]*\]<std(?:out|err)>|\[(?:rank|default)(\d+)\]:|^(\d+): ")
_OVERFLOW = re.compile(r"OVERFLOW!(?: Rank (\d+))?")
_SKIPPED = re.compile(r"\bskipped=(\d+)")
_DAY = re.compile(r"\[(\d{4}-\d\d-\d\d) ")


class Bar(NamedTuple):
    """A progress bar: the steps of the run, what has elapsed, and the rate of the last steps in ``unit``."""

    done: int
    steps: int
    elapsed: str
    rate: str
    unit: str
    number: int

    @property
    def seconds(self) -> int:
        """What has elapsed, in whole seconds."""
        *hours, minutes, seconds = (int(part) for part in self.elapsed.split(":"))
        return sum(hours) * 3600 + minutes * 60 + seconds


class Ended(NamedTuple):
    """The figures at the end of a run; ``steps`` are its optimizer steps, if the line tells."""

    line: Line
    steps: int | None


class BlockBegins(NamedTuple):
    """The head of the block of metrics."""

    number: int


class BlockLine(NamedTuple):
    """One line of the block of metrics; all are of one ``width``, because values are flush right."""

    name: str
    text: str
    number: int
    width: int


class Skip(NamedTuple):
    """DeepSpeed skipped one step, or, if ``total`` is known, so many since the run began; ``day`` is its date."""

    total: int | None
    day: str | None
    number: int


Event = Line | Ended | BlockBegins | BlockLine | Skip | Bar


def events(path: Path) -> Iterator[Event]:
    """Yield what one rank of a run has printed, in order; other ranks print the same.

    Raises
    ------
    RecordingError
        A line with figures is cut off, or cannot be read.
    """
    rank, deepspeed_rank = None, None
    for segment in segments(path, _WORDS):
        if bar := _bar(segment):
            yield bar
        if found := _RANK.search(segment.text):
            said = next(group for group in found.groups() if group)
            rank = rank or said
            if said != rank:
                continue
        if found := _OVERFLOW.search(segment.text):
            deepspeed_rank = deepspeed_rank or found[1]
            if found[1] != deepspeed_rank:
                continue
        yield from _events(path, segment)


def _events(path: Path, segment: Segment) -> Iterator[Event]:
    text, number = segment.text, segment.line
    found = list(_FIGURES.finditer(text))
    if not found and _KNOWN.search(text):
        fault(path, number, "the figures are cut off" if "}" not in text else "the figures cannot be read as numbers")
    for figures in found:
        line = _line(figures[0], number)
        for name in ORDERING & line.figures.keys() if _KNOWN.search(figures[0]) else ():
            finite(path, name, line.printed(name))
        if "train_runtime" in line.figures:
            steps = _STEPS.search(text)
            yield Ended(line, int(steps[1]) if steps else None)
        elif "epoch" in line.figures and any(name == "loss" or name.startswith("eval_") for name in line.figures):
            yield line
    if BLOCK.decode() in text:
        yield BlockBegins(number)
    if of_block := _OF_BLOCK.search(text):
        _check_clock(path, of_block, number)
        yield BlockLine(of_block[1], of_block[2], number, len(of_block[0].rstrip()))
    day, total = _DAY.search(text), _SKIPPED.search(text)
    if "OVERFLOW!" in text or total:
        yield Skip(int(total[1]) if total else None, day and day[1], number)


def _check_clock(path: Path, of_block: re.Match[str], number: int) -> None:
    try:
        _ = of_block[1] == "train_runtime" and seconds_of(of_block[2])
    except ValueError as error:
        fault(path, number, f"train_runtime: {error}")


def _line(text: str, number: int) -> Line:
    pairs = _FIGURE.findall(text)
    return Line({name: value.strip("'") for name, value in pairs}, number, any(value[0] == "'" for _, value in pairs))


def _bar(segment: Segment) -> Bar | None:
    found = _BAR.search(segment.bar)
    if found is None:
        return None
    done, steps, elapsed, rate, unit = found.groups()
    return Bar(int(done), int(steps), elapsed, rate, unit, segment.bar_line)

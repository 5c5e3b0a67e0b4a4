"""``llm-claims history``: how figures went over the nights, and how a person accepts a change."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from llm_claims.document.files import write_atomically
from llm_claims.errors import UsageError
from llm_claims.judging.commit import author
from llm_claims.judging.history.file import append, in_order, read, repaired, write
from llm_claims.judging.history.night import Acceptance
from llm_claims.judging.history.watch import HORIZON, Series, budget_of, series_of
from llm_claims.workloads.shown import count

if TYPE_CHECKING:
    from llm_claims.judging.change import Change

WIDTH, HEIGHT, TITLE = 640, 90, 20
"""Of one figure in the plot, in pixels."""

Judged = tuple[Series, "Change | None"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("history", type=Path, nargs="+", metavar="FILE", help="a history; several are read as one")
    parser.add_argument("--into", type=Path, metavar="FILE", help="write the nights of all files to a new one")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw each figure over its nights")
    parser.add_argument("--accept", metavar="METRIC@KEY", help="accept the change that stands in this figure")
    parser.add_argument("--source", metavar="NAME", help="of which source, if several have the figure")
    parser.add_argument("--because", metavar="TEXT", help="why; kept in the history with author and time")
    parser.add_argument("--repair", action="store_true", help="take out a last line that is cut short")


def history(given: argparse.Namespace) -> int:
    """Print each figure, those that changed first; return 1 if a change stands, else 0.

    Raises
    ------
    UsageError
        The arguments make no sense, or there is no such change.
    RecordingError
        A history cannot be trusted.
    """
    files: list[Path] = given.history
    if given.repair:
        for path in files:
            cut = repaired(path)
            print(f"{path}: {f'taken out: {cut[:80]}' if cut else 'nothing is cut short'}")
    entries = in_order(entry for path in files for entry in read(path))
    if given.into is not None:
        if given.into.exists():
            raise UsageError(f"--into {given.into}: the file exists")
        write(given.into, entries)
    if given.accept is not None:
        _accept(given, series_of(entries))
        entries = read(files[0])
    judged = _judged(series_of(entries))
    _print(judged)
    if given.plot is not None:
        write_atomically(given.plot, plot(judged))
    return 1 if any(change for _, change in judged) else 0


def _judged(series: Sequence[Series]) -> list[Judged]:
    """Judge every figure; those with a change come first."""
    machines = [(one.source, one.nights[0].hardware) for one in series]
    judged = [
        (one, one.change(budget_of(machines.count(machine)))) for one, machine in zip(series, machines, strict=True)
    ]
    return sorted(judged, key=lambda both: both[1] is None)


def _accept(given: argparse.Namespace, series: Sequence[Series]) -> None:
    if not given.because:
        raise UsageError("say why: --because TEXT")
    if len(given.history) > 1:
        raise UsageError("a change is accepted in one history: name one file")
    standing = [
        one
        for one, change in _judged(series)
        if change and one.figure.id == given.accept and given.source in (None, one.source)
    ]
    if len(standing) != 1:
        where = "no change stands" if not standing else "changes stand on several sources: name one with --source"
        raise UsageError(f"{given.accept}: {where}")
    (one,) = standing
    acceptance = Acceptance(
        time=datetime.now(UTC),
        source=one.source,
        hardware=one.nights[0].hardware,
        figure=given.accept,
        because=given.because,
        author=author(),
    )
    append(given.history[0], [acceptance])
    print(f"accepted: {given.accept} on {one.source}")


def _print(judged: Sequence[Judged]) -> None:
    for one, change in judged:
        if change:
            print(f"{one.told(change)}\n  accept it: --accept '{one.figure.id}' --because WHY")
        else:
            last = next(value for value in reversed(one.values) if value is not None)
            print(
                f"{one.figure.id}: {last:.4g} {one.figure.unit}, {count(len(one.nights), 'night')}, {one.figure.what}"
            )
    machines: dict[tuple[str, str], int] = {}
    for one, _ in judged:
        machine = one.source, one.nights[0].hardware
        machines[machine] = machines.get(machine, 0) + 1
    for (source, hardware), number in machines.items():
        alarms = number * budget_of(number)
        print(f"{source}, {hardware}: {count(number, 'figure')}, at most {alarms:.2g} false alarms in {HORIZON} nights")


def plot(judged: Sequence[Judged]) -> str:
    """Draw every figure over its nights, as SVG; a night since which a change stands has a line."""
    panels = "\n".join(_panel(number * HEIGHT, one, change) for number, (one, change) in enumerate(judged))
    size = f'width="{WIDTH}" height="{HEIGHT * len(judged)}"'
    style = "text { font: 11px sans-serif } polyline { fill: none; stroke: #0550ae } line { stroke: #a40e26 }"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{style}</style>\n{panels}\n</svg>\n'


def _panel(top: int, one: Series, change: Change | None) -> str:
    held = [(night, value) for night, value in enumerate(one.values) if value is not None]
    values = [value for _, value in held]
    least, span, last = min(values), (max(values) - min(values)) or 1.0, max(len(one.values) - 1, 1)

    def across(night: int) -> float:
        return 5 + (WIDTH - 10) * night / last

    points = " ".join(
        f"{across(night):.1f},{top + HEIGHT - 5 - (HEIGHT - TITLE - 10) * (value - least) / span:.1f}"
        for night, value in held
    )
    title = (
        f"{one.figure.metric} of {one.figure.what}, {one.source}: {least:.4g} to {max(values):.4g} {one.figure.unit}"
    )
    drawn = [f'<text x="5" y="{top + 14}">{escape(title)}</text>', f'<polyline points="{points}"/>']
    if change:
        at = f"{across(change.since):.1f}"
        drawn.append(f'<line x1="{at}" x2="{at}" y1="{top + TITLE}" y2="{top + HEIGHT - 5}"/>')
    return "\n".join(drawn)

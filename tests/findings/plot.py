"""A plot of effects as an SVG file: the cases of one claim, the document's own figures beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from llm_claims.judging.rows import VerdictRow
from llm_claims.report.cells import SYMBOLS, effect_text
from llm_claims.report.page.axis import RATIO, Axis, axis_of

WIDTH = 760
"""Of a plot; all sizes are in pixels."""
_LEFT, _RIGHT = 250, 190
_LINE, _TOP, _BELOW = 24, 10, 52
_WIDE, _FAR = 12.0, 100.0
_ROUND = (1, 2, 5)
_TICKS, _MOST_TICKS = 6, 8
_STYLE = """
.p{--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--mark:#0550ae}
@media(prefers-color-scheme:dark){.p{--ink:#e6edf3;--soft:#9ea7b3;--paper:#0d1117;--line:#30363d;--mark:#79c0ff}}
text{font:13px system-ui,sans-serif;fill:var(--ink)}.soft{fill:var(--soft)}.case{font-weight:600}
.paper{fill:var(--paper)}.tick{stroke:var(--line)}.none{stroke:var(--soft);stroke-dasharray:4 3}
.measured{stroke:var(--mark);fill:var(--mark)}.document{stroke:var(--soft);fill:var(--paper);stroke-width:2}
.bar{stroke-width:3;fill:none}
"""


@dataclass(frozen=True)
class _Scale:
    """Where values lie across the plot."""

    axis: Axis

    def __call__(self, value: float) -> float:
        return _LEFT + self.axis.position(value) / 100 * (WIDTH - _LEFT - _RIGHT)

    def holds(self, value: float) -> bool:
        """Whether a value is on the axis, and not beyond an end."""
        return self.axis.lower <= value <= self.axis.upper


def interval_text(row: VerdictRow) -> str:
    """The effect with its interval to three digits, "×3.76 [2.34, 6.04]"; without one, with its n.

    An interval that is narrower than these digits is left out; of a ratio, its ends beyond a hundredfold are not told.
    """
    if row.interval is None:
        return f"{short_effect(row)} (n={row.n})" if row.effect is not None else ""
    lower, upper = (_end_text(end, row.unit) for end in row.interval)
    return short_effect(row) + (f" [{lower}, {upper}]" if lower != upper else "")


def _end_text(end: float, unit: str) -> str:
    if unit == RATIO and not 1 / _FAR <= end <= _FAR:
        return f"<{1 / _FAR:g}" if end < 1 else f">{_FAR:g}"
    return f"{end:#.3g}".rstrip(".")


def short_effect(row: VerdictRow) -> str:
    """The effect alone; of a ratio always to three digits, "×1.00"."""
    if row.unit != RATIO or row.effect is None:
        return effect_text(row)
    return f"×{row.effect:#.3g}".rstrip(".")


def inverse(row: VerdictRow) -> VerdictRow:
    """A row of a ratio, turned over: of what is 0.16 times as fast, the other is 6.4 times as fast.

    Raises
    ------
    ValueError
        It has no ratio above zero.
    """
    if row.unit != RATIO or row.effect is None or min((row.effect, *(row.interval or ()))) <= 0:
        raise ValueError(f"{row.address} has no ratio to turn over")
    interval = (1 / row.interval[1], 1 / row.interval[0]) if row.interval else None
    return row.model_copy(update={"effect": 1 / row.effect, "interval": interval})


def effect_plot(rows: Iterable[VerdictRow], label: str, documents: Collection[str]) -> str | None:
    """Draw the effects of rows, one below the other by case, with their intervals as error bars; ``None`` without any.

    ``label`` says along the axis what the effect is, with its unit; ``documents`` are the sources that are a document's
    own figures. Rows of another unit than the first's are left out. An interval that leaves the axis ends in an arrow.
    """
    shown = [row for row in rows if row.effect is not None]
    shown = [row for row in shown if row.unit == shown[0].unit]
    axis = axis_of(shown, shown[0].unit, wide=_WIDE) if shown else None
    if axis is None:
        return None
    lines = list(_lines(shown))
    bottom = _TOP + _LINE * len(lines)
    size = f'viewBox="0 0 {WIDTH} {bottom + _BELOW}" width="{WIDTH}" height="{bottom + _BELOW}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} class="p" role="img" aria-label="{escape(label)}">'
    scale = _Scale(axis)
    body = [
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{bottom + _BELOW}"/>',
        *_grid(scale, bottom, label),
    ]
    for number, line in enumerate(lines):
        middle = _TOP + _LINE * number + _LINE / 2
        body += [_case(line, middle)] if isinstance(line, str) else _mark(line, scale, middle, line.source in documents)
    return "\n".join([head, *body, "</svg>", ""])


def _lines(rows: Sequence[VerdictRow]) -> Iterator[str | VerdictRow]:
    """Yield the name of each case, if there are several, and its rows."""
    cases = dict.fromkeys(row.case for row in rows)
    for case in cases:
        if len(cases) > 1:
            yield case or "all"
        yield from (row for row in rows if row.case == case)


def _case(name: str, middle: float) -> str:
    return f'<text class="case" x="10" y="{middle + 5:g}">{escape(name)}</text>'


def _grid(scale: _Scale, bottom: float, label: str) -> Iterator[str]:
    """Yield the ticks with their values, a dashed line where there is no effect, and what the axis shows."""
    unit = "×" if scale.axis.unit == RATIO else ""
    for value in ticks(scale.axis):
        x = scale(value)
        yield f'<line class="tick" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>'
        yield f'<text class="soft" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{unit}{value:g}</text>'
    if scale.axis.no_effect is not None:
        x = scale(1.0 if scale.axis.unit == RATIO else 0.0)
        yield f'<line class="none" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>'
    yield f'<path class="document" d="M10 {bottom + 14}l5 -5l5 5l-5 5z"/>'
    yield f'<text class="soft" x="26" y="{bottom + 18}">document</text>'
    yield f'<circle class="measured" cx="110" cy="{bottom + 14}" r="5"/>'
    yield f'<text class="soft" x="121" y="{bottom + 18}">measured</text>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text x="{middle:g}" y="{bottom + 40}" text-anchor="middle">{escape(label)}</text>'


def _mark(row: VerdictRow, scale: _Scale, middle: float, documented: bool) -> Iterator[str]:
    """Yield a row's source, its interval, its effect as a mark, and its verdict with the figures."""
    name = "document" if documented else "measured"
    assert row.effect is not None
    yield f'<text x="22" y="{middle + 5:g}">{escape(row.source)}</text>'
    if row.interval:
        left, right = map(scale, row.interval)
        yield f'<path class="bar {name}" d="M{left:.1f} {middle:g}H{right:.1f}"/>'
        for end, x, way in ((row.interval[0], left, 1), (row.interval[1], right, -1)):
            if not scale.holds(end):
                yield f'<path class="{name}" d="M{x + way * 8:.1f} {middle - 5:g}L{x:.1f} {middle:g}l{way * 8} 5z"/>'
    x = scale(row.effect)
    diamond = f'<path class="{name}" d="M{x - 6:.1f} {middle:g}l6 -6l6 6l-6 6z"/>'
    yield diamond if documented else f'<circle class="{name}" cx="{x:.1f}" cy="{middle:g}" r="5"/>'
    said = escape(f"{SYMBOLS[row.verdict]} {interval_text(row)}")
    yield f'<text x="{WIDTH - _RIGHT + 12}" y="{middle + 5:g}">{said}</text>'


def ticks(axis: Axis) -> list[float]:
    """Return round values on an axis, some six: 1, 2 or 5 times powers of ten; linear ones at equal distances."""
    if axis.logarithmic:
        first, last = math.floor(math.log10(axis.lower)), math.ceil(math.log10(axis.upper))
        values = [digit * 10.0**power for power in range(first, last + 1) for digit in _ROUND]
        found = [value for value in values if axis.lower <= value <= axis.upper]
        if len(found) > 2:
            return found if len(found) <= _MOST_TICKS else [value for value in found if f"{value:e}"[0] == "1"]
    rough = (axis.upper - axis.lower) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(digit * power for digit in (*_ROUND, 10) if digit * power >= rough)
    first = math.ceil(axis.lower / step)
    return [round(number * step, 12) for number in range(first, math.floor(axis.upper / step) + 1)]

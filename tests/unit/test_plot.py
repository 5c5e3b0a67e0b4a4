"""Plots of effects: cases below each other, intervals as error bars, the document beside what was measured."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from builders import row
from tests.findings.plot import effect_plot, interval_text, inverse, ticks

from llm_claims.judging.rows import VerdictRow
from llm_claims.report.page.axis import Axis

SVG = "{http://www.w3.org/2000/svg}"


def effect(source: str, value: float | None, lower: float = 1.0, upper: float = 4.0, **fields: object) -> VerdictRow:
    interval = None if value is None else (lower, upper)
    return row("reproduced", source=source, effect=value, interval=interval, n=3, **fields)


def drawn(*rows: VerdictRow) -> ElementTree.Element:
    plot = effect_plot(rows, "speed of A over B, ratio", {"paper"})
    assert plot is not None
    return ElementTree.fromstring(plot)


def words(plot: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in plot.iter(f"{SVG}text")]


def test_the_document_stands_beside_what_was_measured() -> None:
    plot = drawn(effect("paper", 2.0, case="bf16"), effect("h100", 3.0, case="bf16"), effect("h100", 2.0, case="fp16"))
    said = words(plot)
    assert [one for one in said if one in ("bf16", "fp16", "paper", "h100")] == [
        "bf16",
        "paper",
        "h100",
        "fp16",
        "h100",
    ]
    assert "speed of A over B, ratio" in said
    assert "✓ ×3.00 [1.00, 4.00]" in said
    # One diamond and one dot more are in the legend.
    assert len(plot.findall(f"{SVG}circle")) == 3
    assert len([path for path in plot.iter(f"{SVG}path") if path.get("class") == "document"]) == 2
    assert len([path for path in plot.iter(f"{SVG}path") if "bar" in (path.get("class") or "")]) == 3


def test_one_case_needs_no_name() -> None:
    assert "bf16" not in words(drawn(effect("h100", 3.0, case="bf16")))


def test_a_mark_lies_within_its_interval_and_right_of_a_smaller_one() -> None:
    plot = drawn(effect("a", 1.2, 1.1, 1.3), effect("b", 2.0, 1.5, 3.0))
    first, second = (float(dot.get("cx") or 0) for dot in plot.findall(f"{SVG}circle")[1:])
    bars = [path.get("d") or "" for path in plot.iter(f"{SVG}path") if "bar" in (path.get("class") or "")]
    left, right = (float(end) for end in re.findall(r"M([\d.]+) .*H([\d.]+)", bars[1])[0])
    assert first < left < second < right


def test_an_interval_that_leaves_the_axis_ends_in_arrows() -> None:
    plot = drawn(effect("a", 1.5, 1e-4, 1e5))
    assert len([path for path in plot.iter(f"{SVG}path") if path.get("class") == "measured"]) == 2
    assert "✓ ×1.50 [<0.01, >100]" in words(plot)


def test_without_effects_there_is_no_plot_and_another_unit_has_no_place() -> None:
    assert effect_plot([effect("a", None)], "nothing", ()) is None
    assert effect_plot([], "nothing", ()) is None
    assert "b" not in words(drawn(effect("a", 2.0), effect("b", 2.0, unit="s")))


def test_a_name_cannot_break_the_file() -> None:
    assert "a<b" in words(drawn(effect("a", 2.0, case="a<b"), effect("a", 2.0, case="c&d")))


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (effect("a", 2.0, 1.5, 2.5), "×2.00 [1.50, 2.50]"),
        (effect("a", 2.0, 1.9999, 2.0001), "×2.00"),
        (effect("a", 36.0, 36.0, 36.0, unit="steps"), "36 steps"),
        (row("inconclusive", effect=0.5, n=1), "×0.500 (n=1)"),
        (row("reproduced"), ""),
    ],
)
def test_an_effect_is_told_with_its_interval(shown: VerdictRow, text: str) -> None:
    assert interval_text(shown) == text


def test_a_ratio_can_be_turned_over_and_nothing_else() -> None:
    turned = inverse(effect("a", 0.5, 0.25, 1.0))
    assert (turned.effect, turned.interval) == (2.0, (1.0, 4.0))
    assert inverse(row("reproduced", effect=0.5)).interval is None
    for other in (effect("a", 2.0, unit="s"), effect("a", None), effect("a", 1.0, 0.0, 2.0)):
        with pytest.raises(ValueError, match="no ratio to turn over"):
            inverse(other)


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (Axis(0.9, 5.5, "ratio", logarithmic=True), [1, 2, 5]),
        (Axis(0.9, 1.13, "ratio", logarithmic=True), [0.9, 0.95, 1.0, 1.05, 1.1]),
        (Axis(0.001, 1000.0, "ratio", logarithmic=True), [0.001, 0.01, 0.1, 1, 10, 100, 1000]),
        (Axis(-1.0, 11.0, "s", logarithmic=False), [0, 2, 4, 6, 8, 10]),
    ],
)
def test_ticks_are_round(axis: Axis, values: list[float]) -> None:
    assert ticks(axis) == pytest.approx(values)

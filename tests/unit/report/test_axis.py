"""The axis of a claim: every effect and interval lies on it, in order."""

from __future__ import annotations

import pytest
from builders import row
from hypothesis import given
from hypothesis import strategies as st

from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.page.axis import axis_of
from llm_claims.report.page.curve import curve_of

effects = st.floats(1e-6, 1e6)


def reproduced(effect: float | None, interval: tuple[float, float] | None = None, unit: str = "ratio") -> VerdictRow:
    return row(Word.REPRODUCED, effect=effect, interval=interval, unit=unit)


@given(st.lists(st.tuples(effects, st.floats(1, 100)), min_size=1), st.sampled_from(["ratio", "s"]))
def test_effects_keep_their_order_and_lie_within_their_intervals(cases: list[tuple[float, float]], unit: str) -> None:
    rows = [reproduced(effect, (effect / wide, effect * wide), unit) for effect, wide in cases]
    axis = axis_of(rows, unit)
    assert axis is not None
    for one in rows:
        strip = axis.strip(one)
        assert strip is not None
        assert 0 <= strip.left <= strip.effect <= round(strip.left + strip.width, 2) <= 100
    places = [axis.position(one.effect or 0) for one in sorted(rows, key=lambda row: row.effect or 0)]
    assert places == sorted(places)


def test_a_ratio_is_drawn_on_a_logarithmic_axis_with_the_line_of_no_effect() -> None:
    axis = axis_of([reproduced(2.0), reproduced(0.5)], "ratio")
    assert axis is not None
    assert axis.no_effect == pytest.approx(50, abs=0.1)
    assert axis.position(2.0) - 50 == pytest.approx(50 - axis.position(0.5), abs=0.1)


def test_an_interval_from_zero_runs_off_the_end_and_squeezes_nothing() -> None:
    axis = axis_of([reproduced(1.1, (0.0, 1e12)), reproduced(1.2, (1.1, 1.3))], "ratio")
    assert axis is not None
    strip = axis.strip(reproduced(1.1, (0.0, 1e12)))
    assert strip is not None
    assert (strip.left, strip.width) == (0, 100)


def test_rows_without_an_effect_have_no_axis() -> None:
    assert axis_of([reproduced(None)], "ratio") is None
    axis = axis_of([reproduced(1.0)], "ratio")
    assert axis is not None
    assert axis.strip(reproduced(None)) is None


def test_a_curve_says_in_words_what_it_shows() -> None:
    curve = curve_of([3.0, 1.0, 2.0], "night")
    assert curve is not None
    assert curve.points == "0,0 120,48 240,24"
    assert curve.words == "3 nights: 3 to 2, least 1, most 3"
    assert curve_of([1.0], "night") is None
    long = curve_of([1.0] * 10_000, "night")
    assert long is not None
    assert len(long.points) < 4000

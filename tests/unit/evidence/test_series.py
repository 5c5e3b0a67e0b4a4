"""Series: what is known of a sample's error is never lost, and never invented."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_claims.errors import EvidenceError
from llm_claims.evidence.series import Series, combine, quotient

positive = st.floats(min_value=1e-6, max_value=1e6)


def printed(value: float, resolution: float, rounding: Literal["nearest", "down"] = "nearest") -> Series:
    return Series.printed((value,), "s", resolution, rounding)


def bounds(series: Series) -> tuple[float, float]:
    return series.lower[0], series.upper[0]


# What is refused


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("spread", ["exact", "printed", "sampled"])
def test_no_sample_is_anything_but_a_finite_number(bad: float, spread: str) -> None:
    make = {
        "exact": lambda: Series.exact(1.0, bad, unit="s"),
        "printed": lambda: Series.printed((1.0, bad), "s", 0.1),
        "sampled": lambda: Series.sampled((1.0, bad), "s"),
    }
    with pytest.raises(EvidenceError, match="not a finite number"):
        make[spread]()


@pytest.mark.parametrize(
    ("values", "lower", "upper", "text"),
    [
        ((), (), (), "at least one sample"),
        ((1.0,), (1.0,), (math.inf,), "not a finite number"),
        ((1.5, 3.0), (1.0, 1.0), (2.0, 2.0), "outside of its own interval"),
    ],
)
def test_a_sample_lies_in_its_own_finite_interval(
    values: tuple[float, ...], lower: tuple[float, ...], upper: tuple[float, ...], text: str
) -> None:
    with pytest.raises(EvidenceError, match=text):
        Series(values, lower, upper, "s", "printed")


@pytest.mark.parametrize("rounds", [(1,), (1, 1), (2, 1, 2), (1, 2, 3)], ids=str)
def test_every_live_sample_has_a_round_of_its_own(rounds: tuple[int, ...]) -> None:
    with pytest.raises(EvidenceError, match="rounds"):
        Series.sampled((1.0, 2.0), "s", rounds)


# Rounding


@pytest.mark.parametrize(
    ("value", "resolution", "rounding", "lower", "upper"),
    [
        (5.1, 0.1, "nearest", 5.05, 5.15),
        (3.33, 0.01, "nearest", 3.325, 3.335),
        (2, 1, "nearest", 1.5, 2.5),
        (1e-5, 1e-5, "nearest", 0.5e-5, 1.5e-5),
        (1595, 1, "down", 1595, 1596),
        (0.3606738395431415, 1e-16, "nearest", 0.36067383954314145, 0.36067383954314155),
    ],
)
def test_a_printed_figure_is_the_interval_of_its_rounding(
    value: float, resolution: float, rounding: Literal["nearest", "down"], lower: float, upper: float
) -> None:
    series = printed(value, resolution, rounding)
    assert series.values == (value,)
    assert bounds(series) == (lower, upper)
    assert series.spread == "printed"


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_neighbouring_figures_share_one_bound(digits: int) -> None:
    resolution = float(f"1e-{digits}")
    figures = [float(f"{n}e-{digits}") for n in range(1, 1000)]
    series = [printed(value, resolution) for value in figures]
    assert [a.upper for a in series[:-1]] == [b.lower for b in series[1:]]


def test_live_and_exact_samples_are_points() -> None:
    for series in (Series.exact(1.0, 2.0, unit="s"), Series.sampled((1.0, 2.0), "s")):
        assert series.lower == series.values == series.upper
        assert series.n == 2


def test_live_samples_without_rounds_are_the_first_rounds() -> None:
    assert Series.sampled((5.0, 6.0, 7.0), "s").rounds == (1, 2, 3)
    assert Series.exact(5.0, unit="s").rounds == ()


# Pairing


def test_live_series_are_paired_by_round_and_not_by_place() -> None:
    a = Series.sampled((30.0, 10.0, 20.0), "s", (3, 1, 2))
    b = Series.sampled((6.0, 1.0, 4.0), "s", (3, 5, 2))
    found = combine(a, b, operator.truediv, "ratio")
    assert found.rounds == (2, 3)
    assert found.values == (20.0 / 4.0, 30.0 / 6.0)


def test_live_series_without_a_common_round_do_not_pair() -> None:
    a = Series.sampled((1.0, 2.0), "s", (1, 2))
    b = Series.sampled((1.0, 2.0), "s", (3, 4))
    with pytest.raises(EvidenceError, match="share no round"):
        combine(a, b, operator.truediv, "ratio")


@pytest.mark.parametrize("swapped", [False, True])
def test_one_figure_goes_with_every_round(swapped: bool) -> None:
    pair = [Series.sampled((2.0, 3.0), "s", (4, 7)), Series.exact(10.0, unit="1")]
    found = combine(*(reversed(pair) if swapped else pair), operator.mul, "s")
    assert (found.values, found.rounds, found.spread) == ((20.0, 30.0), (4, 7), "sampled")


@pytest.mark.parametrize("figures", [2, 3])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("swapped", [False, True])
def test_several_figures_beside_live_samples_make_no_rounds(n: int, figures: int, swapped: bool) -> None:
    """Else one live sample times three figures would pass for three rounds, with an interval of its own."""
    pair = [Series.sampled((2.0,) * n, "s"), Series.exact(*(1.0, 1.01, 1.02)[:figures], unit="1")]
    with pytest.raises(EvidenceError, match=f"pairs up with one figure, not with {figures}"):
        combine(*(reversed(pair) if swapped else pair), operator.mul, "s")


def test_figures_of_different_number_do_not_pair() -> None:
    with pytest.raises(EvidenceError, match="2 and 3 samples"):
        combine(Series.exact(1.0, 2.0, unit="s"), Series.exact(1.0, 2.0, 3.0, unit="s"), operator.sub, "s")


def test_exact_figures_pair_by_place_and_a_single_one_with_all() -> None:
    a, b = Series.exact(4.0, 9.0, unit="s"), Series.exact(2.0, 3.0, unit="s")
    assert combine(a, b, operator.truediv, "ratio").values == (2.0, 3.0)
    assert combine(a, Series.exact(2.0, unit="1"), operator.truediv, "s").values == (2.0, 4.5)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("exact", "exact", "exact"),
        ("exact", "printed", "printed"),
        ("printed", "exact", "printed"),
        ("printed", "sampled", "sampled"),
        ("sampled", "exact", "sampled"),
    ],
)
def test_the_less_certain_spread_wins(a: str, b: str, expected: str) -> None:
    make = {
        "exact": Series.exact(2.0, unit="s"),
        "printed": printed(2.0, 0.1),
        "sampled": Series.sampled((2.0, 2.1), "s"),
    }
    assert combine(make[a], make[b], operator.mul, "s").spread == expected


# Intervals


@pytest.mark.parametrize(
    ("found", "lower", "upper"),
    [
        (quotient(printed(5.1, 0.1), printed(10.1, 0.1), "ratio"), 5.05 / 10.15, 5.15 / 10.05),
        (combine(printed(5.25, 0.01), printed(4.62, 0.01), operator.sub, "s"), 5.245 - 4.625, 5.255 - 4.615),
        (combine(Series.sampled((10.0, 11.0), "s"), printed(2.0, 1.0), operator.mul, "USD"), 15.0, 25.0),
    ],
    ids=["quotient", "difference", "live times printed"],
)
def test_interval_by_hand(found: Series, lower: float, upper: float) -> None:
    assert bounds(found) == pytest.approx((lower, upper))


@given(
    a=positive,
    b=positive,
    a_resolution=positive,
    b_resolution=positive,
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_interval_of_a_quotient_holds_every_quotient(
    a: float, b: float, a_resolution: float, b_resolution: float, at: tuple[float, float]
) -> None:
    top, bottom = printed(a, a_resolution), printed(b, b_resolution)
    if bottom.lower[0] <= 0:
        with pytest.raises(EvidenceError, match="may be zero"):
            quotient(top, bottom, "ratio")
        return
    found = quotient(top, bottom, "ratio")
    x, y = (
        min(max(s.lower[0] + t * (s.upper[0] - s.lower[0]), s.lower[0]), s.upper[0])
        for s, t in ((top, at[0]), (bottom, at[1]))
    )
    assert found.lower[0] <= x / y <= found.upper[0]
    assert found.lower[0] <= found.values[0] <= found.upper[0]


@given(
    st.sampled_from([operator.add, operator.sub, operator.mul]),
    *[st.floats(-1e6, 1e6)] * 2,
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_interval_of_any_sum_or_product_holds_it(
    operation: Callable[[float, float], float], a: float, b: float, at: tuple[float, float]
) -> None:
    left, right = printed(a, 0.5), printed(b, 0.25)
    found = combine(left, right, operation, "1")
    x, y = (
        min(max(s.lower[0] + t * (s.upper[0] - s.lower[0]), s.lower[0]), s.upper[0])
        for s, t in ((left, at[0]), (right, at[1]))
    )
    assert found.lower[0] <= operation(x, y) <= found.upper[0]


# Division by what may be zero


@pytest.mark.parametrize(
    "denominator",
    [Series.exact(0.0, unit="s"), printed(0.4, 1.0), printed(0.5, 1.0), Series.sampled((1.0, 0.0), "s")],
    ids=["zero", "around-zero", "touching-zero", "one-round-zero"],
)
def test_a_division_by_what_may_be_zero_is_an_error(denominator: Series) -> None:
    with pytest.raises(EvidenceError, match="may be zero"):
        quotient(Series.exact(1.0, unit="s"), denominator, "ratio")


def test_an_operation_that_divides_by_zero_is_an_error_too() -> None:
    with pytest.raises(EvidenceError, match="division by zero"):
        combine(Series.exact(1.0, unit="s"), Series.exact(0.0, unit="s"), operator.truediv, "ratio")


def test_an_overflow_is_an_error() -> None:
    with pytest.raises(EvidenceError, match="not a finite number"):
        quotient(Series.exact(1e308, unit="s"), Series.exact(1e-308, unit="s"), "ratio")

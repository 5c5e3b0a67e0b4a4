"""Estimates, against figures worked out without this code."""

from __future__ import annotations

import math

import pytest
from builders import T_975, exact, figure, live

from llm_claims.errors import EvidenceError
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.relations import Look
from llm_claims.relations.estimate import Estimate, estimate, ratio_of
from llm_claims.relations.verdict import Interval

LOG2 = math.log(2)


def ends(found: Estimate) -> tuple[float, float]:
    assert found.interval is not None
    return found.interval.lower, found.interval.upper


def of(a: Quantity, b: Quantity, look: Look | None = None) -> Estimate:
    return ratio_of(a.series(), b.series(), look or Look())


# Live samples


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [
        # Logarithms in units of log 2: their mean and sample standard deviation, by hand.
        ((2.0, 4.0), 1.5, math.sqrt(0.5)),
        ((2.0, 4.0, 8.0), 2.0, 1.0),
        ((1.0, 2.0, 4.0, 8.0, 16.0), 2.0, math.sqrt(2.5)),
    ],
    ids=["n2", "n3", "n5"],
)
def test_live_interval_is_students_t_on_the_logarithms(
    values: tuple[float, ...], mean: float, deviation: float
) -> None:
    found = estimate(Series.sampled(values, "s"), Look())
    half = T_975[len(values) - 1] * deviation * LOG2 / math.sqrt(len(values))
    assert found.effect == pytest.approx(math.exp(mean * LOG2))
    assert ends(found) == pytest.approx((math.exp(mean * LOG2 - half), math.exp(mean * LOG2 + half)), rel=1e-5)
    assert found.n == len(values)


@pytest.mark.parametrize(
    ("shares", "n", "quantile"),
    # Upper 2.5%/k points of Student's t. With one degree of freedom it is tan(pi/2 - 2.5% pi/k), with two
    # (1 - 2a) sqrt(2 / (1 - (1 - 2a)^2)), a being the upper tail: closed forms, and no library's.
    [
        (1, 2, math.tan(math.pi * (0.5 - 0.025))),
        (3, 2, math.tan(math.pi * (0.5 - 0.025 / 3))),
        (1, 3, 0.95 * math.sqrt(2 / (1 - 0.95**2))),
        (3, 3, (1 - 0.05 / 3) * math.sqrt(2 / (1 - (1 - 0.05 / 3) ** 2))),
        (6, 3, (1 - 0.05 / 6) * math.sqrt(2 / (1 - (1 - 0.05 / 6) ** 2))),
    ],
)
def test_a_shared_look_widens_the_interval_to_its_own_quantile(shares: int, n: int, quantile: float) -> None:
    values = tuple(2.0**i for i in range(n))
    found = estimate(Series.sampled(values, "s"), Look().shared_by(shares))
    deviation = math.sqrt(n * (n + 1) / 12) * LOG2  # of 0, 1, …, n - 1
    half = quantile * deviation / math.sqrt(n)
    assert math.log(ends(found)[1] / found.effect) == pytest.approx(half, rel=1e-6)
    assert math.log(found.effect / ends(found)[0]) == pytest.approx(half, rel=1e-6)


def test_a_drift_common_to_both_sides_of_a_round_cancels() -> None:
    slow_machine = (1.0, 10.0, 100.0)
    found = of(live(*(3.0 * drift for drift in slow_machine)), live(*slow_machine))
    assert found.effect == pytest.approx(3)
    assert ends(found) == pytest.approx((3, 3))


def test_one_round_has_no_interval() -> None:
    found = of(live(2.0), live(1.0))
    assert found == Estimate(pytest.approx(2.0), None, 1)
    assert found.told_apart == "n=1 is too few for an interval"


def test_no_spread_is_an_interval_without_width() -> None:
    assert ends(of(live(4.0, 4.0, 4.0), live(2.0, 2.0, 2.0))) == pytest.approx((2.0, 2.0))


def test_two_samples_that_agree_to_the_last_digit_are_no_spread() -> None:
    found = of(live(4.0, 4.0), live(2.0, 2.0))
    assert (found.effect, found.interval, found.n) == (pytest.approx(2.0), None, 2)
    assert of(live(4.0, 4.001), live(2.0, 2.0)).interval is not None


def test_the_rounding_of_a_price_is_not_averaged_away() -> None:
    """Two live costs a request: the same price error stands in every round."""
    found = of(live(2.0, 2.0, 2.0) * figure("1.5", unit="USD/h"), live(1.0, 1.0, 1.0) * exact(1, unit="USD/h"))
    assert ends(found) == pytest.approx((2 * 1.45, 2 * 1.55))
    wider = of(live(2.0, 4.0, 8.0) * figure("1.5", unit="USD/h"), live(1.0, 1.0, 1.0) * exact(1, unit="USD/h"))
    half = T_975[2] * LOG2 / math.sqrt(3)
    assert ends(wider) == pytest.approx((4 * 1.45 * math.exp(-half), 4 * 1.55 * math.exp(half)), rel=1e-5)


def test_a_spread_beyond_floating_point_is_wide_and_no_crash() -> None:
    found = of(live(1e-150, 1e150), live(1.0, 1.0), Look().shared_by(7))
    lower, upper = ends(found)
    assert lower == 0
    assert upper > 1e300
    assert found.told_apart == "n=2 is too few to tell anything apart"


# Figures


def test_figures_are_intervals_of_their_rounding() -> None:
    found = of(figure("10.1"), figure("5.1"))
    assert found.effect == pytest.approx(10.1 / 5.1)
    assert ends(found) == pytest.approx((10.05 / 5.15, 10.15 / 5.05))
    assert found.n == 1


def test_a_cut_clock_time_is_only_too_short() -> None:
    assert ends(of(figure("1595", "down"), exact(1, unit="s"))) == (1595, 1596)


def test_several_figures_are_no_sample() -> None:
    with pytest.raises(EvidenceError, match="one figure is needed here, the evidence has 3"):
        estimate(Series.exact(1.0, 2.0, 3.0, unit="nats"), Look())


# What no ratio can tell


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (exact(0), exact(1)),
        (exact(-2), exact(-1)),
        (exact(-2), exact(1)),
        (exact(1), exact(-1)),
        (live(1.0, -1.0), live(1.0, 1.0)),
        (live(1.0, 0.0), live(1.0, 1.0)),
        (live(-1.0, -1.0), live(-2.0, -2.0)),
    ],
)
def test_only_positive_quantities_have_a_ratio(a: Quantity, b: Quantity) -> None:
    with pytest.raises(EvidenceError, match="compares positive quantities"):
        of(a, b)


def test_a_denominator_that_may_be_zero_has_no_ratio() -> None:
    with pytest.raises(EvidenceError, match="may be zero"):
        of(exact(1, unit="s"), figure("5.25") - figure("5.2"))


def test_a_live_sample_that_may_be_negative_has_no_logarithm() -> None:
    for cost in (live(1.0, 1.1) * (figure("5.25") - figure("5.2")), live(9.0, 1.5) - figure("1")):
        with pytest.raises(EvidenceError, match="may not be positive"):
            estimate(cost.series(), Look())


# What an inconclusive verdict could have told


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [(0.8, 1.25, "25.0%"), (0.99, 1 / 0.99, "1.0%"), (2.0, 2.0, "0.0%")],
)
def test_the_smallest_difference_that_could_have_shown(lower: float, upper: float, text: str) -> None:
    found = Estimate(1.0, Interval(lower=lower, upper=upper), 3)
    assert found.told_apart == f"n=3 could have told apart a difference of {text} or more"


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 2.0), (-1.0, 2.0), (0.01, 300.0)])
def test_an_interval_over_orders_of_magnitude_could_have_shown_nothing(lower: float, upper: float) -> None:
    found = Estimate(1.0, Interval(lower=lower, upper=upper), 2)
    assert found.told_apart == "n=2 is too few to tell anything apart"


# Looks


def test_sharing_a_look_divides_its_error() -> None:
    assert Look().confidence == 0.95
    assert Look().shared_by(1) == Look(pytest.approx(0.95))
    assert Look().shared_by(3).confidence == pytest.approx(1 - 0.05 / 3)
    assert Look().shared_by(3).shared_by(2).confidence == pytest.approx(1 - 0.05 / 6)


@pytest.mark.parametrize("documented", [False, True])
def test_sharing_a_look_keeps_what_may_be_judged(documented: bool) -> None:
    assert Look(documented_hardware=documented).shared_by(4).documented_hardware is documented


def test_samples_that_are_equal_by_a_clock_differ_by_no_less_than_the_clock_tells() -> None:
    first, second = (Series.sampled((seconds,) * 3, "s", (), lambda _: 1e-6) for seconds in (1.0, 1.0 + 5e-10))
    interval = ratio_of(second, first, Look()).interval
    assert interval is not None
    assert interval.lower < 1 < interval.upper


def test_a_ratio_of_different_units_is_refused() -> None:
    with pytest.raises(EvidenceError, match="'s' and 'tokens' cannot be compared: they are different units"):
        ratio_of(exact(2.0, unit="s").series(), exact(1.0, unit="tokens").series(), Look())

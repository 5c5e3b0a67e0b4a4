"""Quantities: read late, computed sample by sample, with units and measurements carried along."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import exact, figure, quantity

from llm_claims.evidence.quantities import Quantity, as_printed, known
from llm_claims.evidence.series import Series


def test_nothing_is_read_before_a_relation_asks() -> None:
    def read() -> Series:
        raise AssertionError("read too early")

    lazy = Quantity(read)
    for joined in (lazy * 2, 2 * lazy, lazy / 2, 2 / lazy, lazy - 1, lazy / lazy):
        with pytest.raises(AssertionError, match="read too early"):
            joined.series()


def test_a_quantity_sees_samples_that_come_later() -> None:
    values = [1.0]
    twice = Quantity(lambda: Series.sampled(tuple(values), "s")) * 2
    assert twice.series().values == (2.0,)
    values.append(3.0)
    assert twice.series().values == (2.0, 6.0)


@pytest.mark.parametrize(
    ("joined", "value", "unit"),
    [
        (figure("5.0") * exact(3), 15.0, "s·steps"),
        (exact(3) * 2, 6.0, "steps"),
        (2 * exact(3), 6.0, "steps"),
        (known(2) * exact(3), 6.0, "steps"),
        (exact(3) - 1, 2.0, "steps"),
        (exact(3) - exact(1), 2.0, "steps"),
        (exact(6) / exact(3), 2.0, "ratio"),
        (exact(6) / exact(3, unit="s"), 2.0, "steps/s"),
        (exact(6) / 3, 2.0, "steps"),
        (6 / exact(3, unit="1"), 2.0, "ratio"),
        (6 / exact(3), 2.0, "1/steps"),
        (known(3, "samples") / exact(3), 1.0, "samples/steps"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_arithmetic_carries_units(joined: Quantity, value: float, unit: str) -> None:
    series = joined.series()
    assert series.values == (value,)
    assert series.unit == unit


@pytest.mark.parametrize(
    "join", [lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a - b], ids=["product", "quotient", "difference"]
)
def test_measurements_are_those_of_both_sides_once(join: Callable[[Quantity, Quantity], Quantity]) -> None:
    one, two = object(), object()
    a, b = quantity(Series.exact(1.0, unit="s"), one, two), quantity(Series.exact(1.0, unit="s"), two)
    assert join(a, b).measurements == (one, two)
    assert join(b, a).measurements == (two, one)
    assert (a * 2).measurements == (one, two)


# Plain numbers


def test_a_known_count_is_exact_and_a_known_figure_is_printed() -> None:
    count, price = known(147, "steps").series(), known(1.515, "USD/h", resolution=0.001).series()
    assert (count.spread, count.lower, count.upper) == ("exact", (147,), (147,))
    assert (price.spread, price.lower, price.upper) == ("printed", (1.5145,), (1.5155,))
    assert known(1).measurements == ()


@pytest.mark.parametrize(
    ("value", "lower", "upper"),
    [(3.33, 3.325, 3.335), (3.9, 3.85, 3.95), (2, 1.5, 2.5), (2.0, 1.5, 2.5), (100, 99.5, 100.5), (1e-5, 5e-6, 1.5e-5)],
)
def test_a_documented_number_is_as_wide_as_its_last_digit(value: float, lower: float, upper: float) -> None:
    series = as_printed(value)
    assert (series.lower[0], series.upper[0]) == pytest.approx((lower, upper))
    assert (series.values, series.spread, series.unit) == ((value,), "printed", "ratio")

"""Percentiles: ranks from printed tables, coverage by simulation, and refusals."""

from __future__ import annotations

import random

import pytest
from builders import exact

from llm_claims.errors import EvidenceError, Untestable
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.relations import less, percentile
from llm_claims.relations.verdict import Word


def printed(*values: float) -> Quantity:
    return Quantity(lambda: Series.printed(values, "s", 0.01))


@pytest.mark.parametrize(
    ("n", "percent", "value", "low", "high"),
    [
        # Ranks of the 95% interval of a median: Conover, table A3 (binomial), and any table of the sign test.
        (20, 50, 10, 6, 15),
        (10, 50, 5, 2, 9),
        (100, 90, 90, 84, 96),
    ],
)
def test_the_ends_are_samples_of_these_ranks(n: int, percent: float, value: float, low: float, high: float) -> None:
    found = percentile(exact(*(float(rank) for rank in range(n, 0, -1))), percent).series()
    assert (found.values, found.lower, found.upper) == ((value,), (low,), (high,))


def test_the_rounding_of_samples_widens_the_interval() -> None:
    found = percentile(printed(*(rank / 10 for rank in range(1, 21))), 50).series()
    assert (found.values, found.lower, found.upper, found.unit) == ((1.0,), (0.595,), (1.505,), "s")


def test_the_interval_covers_as_often_as_it_says() -> None:
    source = random.Random(1)
    trials = [percentile(exact(*(source.random() for _ in range(60))), 90).series() for _ in range(400)]
    covered = sum(one.lower[0] <= 0.9 <= one.upper[0] for one in trials) / len(trials)
    assert covered >= 0.93


@pytest.mark.parametrize(("n", "percent", "needed"), [(200, 99, 368), (5, 50, 6), (100, 1, 368)])
def test_too_few_samples_have_no_interval(n: int, percent: float, needed: int) -> None:
    with pytest.raises(Untestable, match=f"{n} samples are too few for percentile {percent}: it takes {needed}"):
        percentile(exact(*map(float, range(n))), percent).series()
    percentile(exact(*map(float, range(needed))), percent).series()


@pytest.mark.parametrize("percent", [0, 100, -1, float("nan")])
def test_no_percentile(percent: float) -> None:
    with pytest.raises(EvidenceError, match="a percentile is between 0 and 100"):
        percentile(exact(1.0, 2.0), percent).series()


def test_two_percentiles_are_compared() -> None:
    fast, slow = (printed(*(base + rank / 100 for rank in range(40))) for base in (1.0, 2.0))
    assert less(percentile(fast, 90), percentile(slow, 90)).verdict().word == Word.REPRODUCED
    nearly = printed(*(1.01 + rank / 100 for rank in range(40)))
    assert less(percentile(fast, 90), percentile(nearly, 90)).verdict().word == Word.INCONCLUSIVE

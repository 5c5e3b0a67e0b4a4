"""Sides of a bound: whole intervals only."""

from __future__ import annotations

import pytest

from llm_claims.relations.direction import deciding, inside, side_of, word_of
from llm_claims.relations.estimate import Estimate
from llm_claims.relations.verdict import Interval, Word


def between(lower: float, upper: float) -> Estimate:
    return Estimate((lower + upper) / 2, Interval(lower=lower, upper=upper), 3)


NO_INTERVAL = Estimate(5.0, None, 1)


@pytest.mark.parametrize(
    ("estimate", "side"),
    [
        (between(1.1, 1.2), "above"),
        (between(1.0, 1.2), "above"),
        (between(0.9, 1.1), "unclear"),
        (between(0.8, 1.0), "below"),
        (between(0.8, 0.9), "below"),
        (between(1.0, 1.0), "unclear"),
        (between(1.0 + 1e-12, 1.0 + 1e-12), "above"),
        (NO_INTERVAL, "unclear"),
        # an effect at the bound is on neither side
        (Estimate(1.0, Interval(lower=1.0, upper=1.1), 1), "unclear"),
        (Estimate(1.0, Interval(lower=0.9, upper=1.0), 1), "unclear"),
    ],
)
def test_side(estimate: Estimate, side: str) -> None:
    assert side_of(estimate) == side
    other = estimate.interval and Interval(lower=3 * estimate.interval.lower, upper=3 * estimate.interval.upper)
    assert side_of(Estimate(3 * estimate.effect, other, 1), 3.0) == side


@pytest.mark.parametrize(
    ("estimate", "held"),
    [
        (between(0.95, 1.05), True),
        (between(0.9, 1.1), True),
        (between(0.95, 1.15), None),
        (between(0.85, 1.05), None),
        (between(0.5, 2.0), None),
        (between(1.2, 1.3), False),
        (between(1.1, 1.3), False),
        (between(0.5, 0.9), False),
        (NO_INTERVAL, None),
    ],
)
def test_inside(estimate: Estimate, held: bool | None) -> None:
    assert inside(estimate, 0.9, 1.1) is held


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ([True], Word.REPRODUCED),
        ([True, True], Word.REPRODUCED),
        ([True, None], Word.INCONCLUSIVE),
        ([None, False], Word.CONTRADICTED),
        ([True, False], Word.CONTRADICTED),
    ],
)
def test_parts_join(parts: list[bool | None], word: Word) -> None:
    assert word_of(parts) is word
    assert word_of(reversed(parts)) is word


def test_the_deciding_estimates_are_those_that_gave_the_word() -> None:
    a, b, c = between(1, 2), between(2, 3), between(3, 4)
    assert deciding([a, b, c], [True, True, True]) == [a, b, c]
    assert deciding([a, b, c], [True, None, True]) == [b]
    assert deciding([a, b, c], [None, None, False]) == [c]

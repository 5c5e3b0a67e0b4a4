"""Error rates, by simulation with a fixed seed: what 5% promises is kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest
from builders import Scripted

from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.judging.decider import Decider
from llm_claims.judging.plan import Plan
from llm_claims.relations import Look, less, similar
from llm_claims.relations.estimate import ratio_of
from llm_claims.relations.verdict import Word
from llm_claims.sources.base import Placed

SEED = 20231
RUNS = 1000
NOISE, DRIFT = 0.05, 0.5
MARGIN = 0.1


def at_most(rate: float) -> float:
    """The rate, with three standard errors of what is seen in so many runs."""
    return rate + 3 * (rate * (1 - rate) / RUNS) ** 0.5


def rounds(rng: random.Random, n: int, ratio: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Interleaved timings of two workloads; a drift ten times the noise is common to each round."""
    drift = [rng.lognormvariate(0, DRIFT) for _ in range(n)]
    first = tuple(d * rng.lognormvariate(0, NOISE) for d in drift)
    second = tuple(d * ratio * rng.lognormvariate(0, NOISE) for d in drift)
    return first, second


@pytest.mark.parametrize("n", [3, 5])
def test_coverage_of_the_paired_interval(n: int) -> None:
    rng = random.Random(SEED)
    covered, look = 0, Look()
    for _ in range(RUNS):
        first, second = rounds(rng, n, 1.3)
        interval = ratio_of(Series.sampled(second, "s"), Series.sampled(first, "s"), look).interval
        assert interval is not None
        covered += interval.lower <= 1.3 <= interval.upper
    assert 0.93 <= covered / RUNS <= 0.97, "an interval that is too wide is wrong as well"


class Timings(Scripted):
    """A live source of two workloads whose timings are known beforehand; relations see the rounds drawn so far."""

    def __init__(self, *timings: tuple[float, ...]) -> None:
        super().__init__({})
        self.quantities = [Quantity(lambda each=each: Series.sampled(each[: self.n], "s")) for each in timings]
        self.n = 0

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        assert rounds > self.n
        self.n = rounds


@cache
def shares(relation: str, ratio: float) -> Counter[Word]:
    """How often each verdict came out when `Decider` judged with at most 5 rounds."""
    rng, decider, found = random.Random(SEED), Decider(5, lambda _: Plan()), Counter[Word]()
    for _ in range(RUNS):
        source = Timings(*rounds(rng, 5, ratio))
        first, second = source.quantities
        judged = less(first, second) if relation == "less" else similar(first, second, within=MARGIN)
        found[decider.decide(judged, source).word] += 1
    return found


def test_sequential_looks_call_few_nulls_anything() -> None:
    """Both directions together share the 5%, over the looks at 3, 4 and 5 rounds."""
    found = shares("less", 1.0)
    assert found[Word.REPRODUCED] / RUNS <= 0.05
    wrong = found[Word.REPRODUCED] + found[Word.CONTRADICTED]
    assert 0 < wrong / RUNS <= at_most(0.05)
    assert wrong + found[Word.INCONCLUSIVE] == RUNS


def test_sequential_looks_find_a_large_effect() -> None:
    """Else the last test could be passed by never deciding."""
    assert shares("less", 1.3)[Word.REPRODUCED] / RUNS > 0.8


def test_what_differs_by_the_margin_is_seldom_called_similar() -> None:
    found = shares("similar", 1 + MARGIN)
    assert 0 < found[Word.REPRODUCED] / RUNS <= at_most(0.025)
    assert 0 < found[Word.CONTRADICTED] / RUNS <= at_most(0.025)

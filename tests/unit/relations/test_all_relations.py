"""What every relation must do: refuse what is missing, failed or unpaired, and be a pure function of the samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import pytest
from builders import DOCUMENTED, Held, failed, live, measured, quantity, reported, sampled_metric
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_claims.errors import EvidenceError
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.relations import (
    Look,
    Relation,
    equal,
    every,
    flat,
    increasing,
    less,
    observed,
    proportional,
    ratio,
    similar,
    unequal,
)
from llm_claims.relations.verdict import Word
from llm_claims.workloads.generation.workload import Generation

Of = Callable[[Quantity, Quantity], Relation]

RELATIONS: dict[str, Of] = {
    "less": less,
    "ratio": lambda a, b: ratio(b, over=a, documented=1.5),
    "similar": lambda a, b: similar(a, b, within=0.1),
    "increasing": increasing,
    "flat": lambda a, b: flat(a, b, within=0.1),
    "flat-rise": lambda a, b: flat(a, b, within=0.1, against="rise"),
    "flat-fall": lambda a, b: flat(a, b, within=0.1, against="fall"),
    "proportional": lambda a, b: proportional({1: a, 2: b}, within=0.1),
    "equal": equal,
    "unequal": unequal,
    "observed": lambda a, b: observed(a, over=b),
    "every": lambda a, b: every(less(a, b), similar(a, b, within=0.1)),
}
ALL = pytest.mark.parametrize("of", RELATIONS.values(), ids=RELATIONS)
OF_RATIOS = pytest.mark.parametrize(
    "of", [of for name, of in RELATIONS.items() if "equal" not in name], ids=[n for n in RELATIONS if "equal" not in n]
)
LOOKS = pytest.mark.parametrize("look", [Look(), DOCUMENTED], ids=["elsewhere", "documented"])

ONE = live(1.0, 1.0, 1.0)
REQUEST = Generation()
GOOD = measured(REQUEST, latency_seconds=sampled_metric("latency_seconds", 1.0, 1.0, 1.0))


def latency(evidence: Any) -> Quantity:
    return Quantity(lambda: evidence.series("latency_seconds"), reads=[(Held(evidence), "latency_seconds")])


def both_ways(of: Of, good: Quantity, bad: Quantity) -> list[Relation]:
    return [of(good, bad), of(bad, good)]


@ALL
@LOOKS
@pytest.mark.parametrize("kind", ["failed", "out_of_memory"])
def test_a_failed_run_never_passes(of: Of, look: Look, kind: Literal["failed", "out_of_memory"]) -> None:
    bad = failed(REQUEST, kind, "CUDA error")
    for relation in both_ways(of, latency(GOOD), latency(bad)):
        with pytest.raises(EvidenceError, match=f"the run ended {kind}"):
            relation.verdict(look)


@ALL
@LOOKS
def test_a_missing_metric_is_an_error(of: Of, look: Look) -> None:
    for relation in both_ways(of, latency(GOOD), latency(reported(REQUEST))):
        with pytest.raises(EvidenceError, match="no metric 'latency_seconds'"):
            relation.verdict(look)


@OF_RATIOS
def test_live_samples_that_share_no_round_are_an_error(of: Of) -> None:
    for relation in both_ways(of, live(1.0, 1.0, 1.0), live(1.0, 1.0, 1.0, rounds=(4, 5, 6))):
        with pytest.raises(EvidenceError, match="share no round"):
            relation.verdict()


@OF_RATIOS
@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_zero_and_negative_samples_are_an_error(of: Of, bad: float) -> None:
    for relation in both_ways(of, live(1.0, 1.0, 1.0), live(1.0, bad, 1.0)):
        with pytest.raises(EvidenceError, match="positive"):
            relation.verdict()


@ALL
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_what_is_no_series_is_an_error(of: Of, bad: float | None) -> None:
    broken = Quantity(lambda: Series.sampled((1.0, bad) if bad is not None else (), "s"))
    for relation in both_ways(of, live(1.0, 1.0), broken):
        with pytest.raises(EvidenceError):
            relation.verdict()


@OF_RATIOS
@LOOKS
def test_a_single_live_round_decides_nothing(of: Of, look: Look) -> None:
    for apart in (1.0, 1.5, 2.0, 100.0):
        for relation in both_ways(of, live(1.0), live(apart)):
            verdict = relation.verdict(look)
            assert verdict.word is Word.INCONCLUSIVE
            assert verdict.interval is None
            assert verdict.n == 1


@OF_RATIOS
@LOOKS
def test_samples_without_information_decide_nothing(of: Of, look: Look) -> None:
    for relation in both_ways(of, live(1.0, 1.0, 1.0), live(0.01, 1.5, 200.0)):
        verdict = relation.verdict(look)
        assert verdict.word is Word.INCONCLUSIVE
        assert not verdict.decided


@OF_RATIOS
def test_an_inconclusive_verdict_gives_its_numbers(of: Of) -> None:
    verdict = of(live(1.0, 1.0, 1.0), live(0.1, 1.5, 20.0)).verdict()
    assert verdict.word is Word.INCONCLUSIVE
    assert verdict.reason
    assert verdict.n == 3
    assert verdict.effect is not None
    assert verdict.interval is not None


@ALL
def test_each_measurement_is_drawn_once(of: Of) -> None:
    one, two = object(), object()
    a, b = (quantity(Series.exact(1.0, unit="s"), *seen) for seen in ((one,), (two, one)))
    found = of(a, b).measurements
    assert len(found) == 2
    assert set(found) == {one, two}


WITHIN = {
    "similar": lambda within: similar(ONE, ONE, within=within),
    "flat": lambda within: flat(ONE, ONE, within=within),
    "proportional": lambda within: proportional({1: ONE, 2: ONE}, within=within),
}


@pytest.mark.parametrize("of", WITHIN.values(), ids=WITHIN)
@pytest.mark.parametrize("within", [0, -0.1, math.nan, math.inf])
def test_a_margin_that_judges_nothing_is_refused(of: Callable[[float], Relation], within: float) -> None:
    with pytest.raises(ValueError, match="the margin must be positive"):
        of(within)


@pytest.mark.parametrize("quantities", [(), (ONE,)], ids=["none", "one"])
def test_a_sequence_has_something_to_compare(quantities: tuple[Quantity, ...]) -> None:
    for of in (
        lambda *given: flat(*given, within=0.1),
        increasing,
        lambda *given: proportional(dict(enumerate(given, 1)), within=0.1),
    ):
        with pytest.raises(ValueError, match="two or more quantities"):
            of(*quantities)


# Each relation gets few examples; there are a dozen relations.
FEW = settings(max_examples=15)
samples = st.lists(st.floats(0.1, 10.0), min_size=1, max_size=5)


@ALL
@FEW
@given(a=samples, b=samples, documented=st.booleans())
def test_a_relation_is_pure(of: Of, a: list[float], b: list[float], documented: bool) -> None:
    look = Look(documented_hardware=documented)
    relation = of(live(*a), live(*b))
    first = relation.verdict(look)
    assert relation.verdict(look) == first
    assert of(live(*a), live(*b)).verdict(look) == first


@ALL
@FEW
@given(a=samples, b=samples)
def test_a_verdict_is_one_of_four_words_around_its_effect(of: Of, a: list[float], b: list[float]) -> None:
    verdict = of(live(*a), live(*b)).verdict()
    assert verdict.word in {Word.REPRODUCED, Word.WEAKENED, Word.CONTRADICTED, Word.INCONCLUSIVE}
    assert verdict.effect is not None
    if verdict.interval is not None:
        slack = 1e-12 * verdict.effect
        assert verdict.interval.lower - slack <= verdict.effect <= verdict.interval.upper + slack
    assert verdict.n >= 1


@OF_RATIOS
@FEW
@given(pairs=st.lists(st.tuples(st.floats(0.1, 10.0), st.floats(0.1, 10.0)), min_size=1, max_size=5), data=st.data())
def test_the_order_of_the_rounds_means_nothing(of: Of, pairs: list[tuple[float, float]], data: st.DataObject) -> None:
    rounds = list(range(1, len(pairs) + 1))
    relation = of(live(*(a for a, _ in pairs)), live(*(b for _, b in pairs)))
    one, two = (data.draw(st.permutations(rounds)) for _ in "ab")
    shuffled = of(live(*(pairs[i - 1][0] for i in one), rounds=one), live(*(pairs[i - 1][1] for i in two), rounds=two))
    assert shuffled.verdict() == relation.verdict()


@OF_RATIOS
@FEW
@given(a=samples, b=samples, power=st.integers(-20, 20))
def test_the_unit_of_time_means_nothing(of: Of, a: list[float], b: list[float], power: int) -> None:
    """Scaled by a power of two, which floating point does exactly."""
    scale = 2.0**power
    scaled = of(live(*(v * scale for v in a)), live(*(v * scale for v in b)))
    assert scaled.verdict() == of(live(*a), live(*b)).verdict()


@OF_RATIOS
@FEW
@given(a=samples, b=samples, drift=st.lists(st.integers(-8, 8), min_size=5, max_size=5))
def test_what_disturbs_a_whole_round_means_nothing(of: Of, a: list[float], b: list[float], drift: list[int]) -> None:
    disturbed = [live(*(v * 2.0**power for v, power in zip(values, drift, strict=False))) for values in (a, b)]
    assert of(*disturbed).verdict() == of(live(*a), live(*b)).verdict()


MIRROR = {Word.REPRODUCED: Word.CONTRADICTED, Word.CONTRADICTED: Word.REPRODUCED}


@given(a=samples, b=samples)
def test_a_ratio_and_its_inverse_mirror_each_other(a: list[float], b: list[float]) -> None:
    x, y = live(*a), live(*b)
    forth, back = less(x, y).verdict(), less(y, x).verdict()
    assert forth.effect is not None
    assert back.effect is not None
    assert forth.effect * back.effect == pytest.approx(1)
    if forth.interval and back.interval:
        assert forth.interval.lower * back.interval.upper == pytest.approx(1)
        assert forth.interval.upper * back.interval.lower == pytest.approx(1)
        # Not where the interval ends at 1 to the last digit: the logarithm rounds differently then.
        if min(abs(forth.interval.lower - 1), abs(forth.interval.upper - 1)) > 1e-9:
            assert back.word is MIRROR.get(forth.word, forth.word)
    else:
        assert forth.word is back.word is Word.INCONCLUSIVE


@given(a=samples, b=samples)
def test_sameness_has_no_order(a: list[float], b: list[float]) -> None:
    x, y = live(*a), live(*b)
    forth, back = (similar(*pair, within=0.25).verdict() for pair in ((x, y), (y, x)))
    if (
        forth.interval is None
        or min(abs(end - bound) for end in (forth.interval.lower, forth.interval.upper) for bound in (0.8, 1.25)) > 1e-9
    ):
        assert forth.word is back.word


@given(a=samples, b=samples, shares=st.integers(2, 20))
def test_a_stricter_look_never_decides_more(a: list[float], b: list[float], shares: int) -> None:
    strict = Look().shared_by(shares)
    for of in (less, RELATIONS["similar"], RELATIONS["flat"], RELATIONS["proportional"], increasing):
        relation = of(live(*a), live(*b))
        lax_word, strict_word = relation.verdict().word, relation.verdict(strict).word
        assert strict_word in (lax_word, Word.INCONCLUSIVE)

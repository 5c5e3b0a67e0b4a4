"""`less` and `ratio`: directions everywhere, documented sizes on documented hardware alone."""

from __future__ import annotations

import math

import pytest
from builders import DOCUMENTED, T_975, exact, figure, live, span

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations import Look, less, ratio
from llm_claims.relations.verdict import Word

R, W, C, I = Word.REPRODUCED, Word.WEAKENED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741


FIGURES = [
    # smaller, than, verdict
    (figure("5.1"), figure("10.1"), R),
    (figure("10.1"), figure("5.1"), C),
    (figure("5.1"), figure("5.1"), I),
    (figure("2"), figure("3"), R),
    (figure("3"), figure("2"), C),
    (figure("1.1"), figure("1.2"), R),
    (figure("5.1"), figure("5.10"), I),
    (figure("5.10"), figure("5.2"), R),
    (figure("5"), figure("5.2"), I),
    (figure("5"), figure("5.4"), I),
    (figure("5"), figure("5.5"), I),
    (figure("5"), figure("5.6"), R),
    (figure("1595", "down"), figure("1596", "down"), R),
    (figure("1595", "down"), figure("1596"), I),
    (figure("1595", "down"), exact(1596, unit="s"), R),
    (exact(1595, unit="s"), figure("1595", "down"), I),
    (exact(147), exact(148), R),
    (exact(148), exact(147), C),
    (exact(147), exact(147), C),
]


@pytest.mark.parametrize(("smaller", "than", "word"), FIGURES)
def test_less_of_figures(smaller: Quantity, than: Quantity, word: Word) -> None:
    assert less(smaller, than).verdict().word is word


LIVE = [
    # Ratios of the rounds, than / smaller, and the verdict.
    ("one round", (9.0,), I),
    ("two rounds, apart", (2.0, 2.02), R),
    ("two rounds, spread", (2.0, 3.0), I),
    ("three rounds, apart", (2.0, 2.1, 1.9), R),
    ("three rounds, the other way", (0.5, 0.51, 0.49), C),
    ("three rounds, across", (0.9, 1.0, 1.1), I),
    ("three rounds, all above but wide", (1.1, 3.0, 9.0), I),
    ("five rounds, apart", (1.1, 1.12, 1.09, 1.1, 1.11), R),
    ("five rounds, across", (1.1, 0.95, 1.2, 1.01, 0.99), I),
    ("no spread", (2.0, 2.0, 2.0), R),
    ("no spread, the other way", (0.5, 0.5, 0.5), C),
    ("no spread, no difference", (1.0, 1.0, 1.0), C),
]


@pytest.mark.parametrize(("ratios", "word"), [case[1:] for case in LIVE], ids=[case[0] for case in LIVE])
def test_less_of_live_samples(ratios: tuple[float, ...], word: Word) -> None:
    drift = [1.0, 7.0, 0.3, 2.0, 11.0][: len(ratios)]
    smaller, than = live(*drift), live(*(d * r for d, r in zip(drift, ratios, strict=True)))
    verdict = less(smaller, than).verdict()
    assert verdict.word is word
    assert verdict.n == len(ratios)
    assert verdict.effect == pytest.approx(math.prod(ratios) ** (1 / len(ratios)))
    assert (verdict.interval is None) is (len(ratios) == 1)


def test_effect_and_interval_of_less_are_those_of_the_larger_over_the_smaller() -> None:
    verdict = less(live(1.0, 1.0, 1.0), live(2.0, 4.0, 8.0)).verdict()
    half = T_975[2] * math.log(2) / math.sqrt(3)
    assert verdict.effect == pytest.approx(4)
    assert span(verdict) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)), rel=1e-5)
    assert (verdict.relation, verdict.unit, verdict.n) == ("less", "ratio", 3)


def test_an_inconclusive_verdict_says_what_it_could_have_seen() -> None:
    verdict = less(live(1.0, 1.0, 1.0), live(0.5, 1.0, 2.0)).verdict()
    seen = math.exp(T_975[2] * math.log(2) / math.sqrt(3)) - 1
    assert verdict.word is I
    assert verdict.reason == f"the ratio may be 1: n=3 could have told apart a difference of {seen:.1%} or more"
    assert less(live(1.0), live(9.0)).verdict().reason == "the ratio may be 1: n=1 is too few for an interval"


def test_the_error_of_a_look_decides() -> None:
    """log2 = 0.693 a round, spread 0.14: enough for one look at 95%, and not for one of ten."""
    relation = less(live(1.0, 1.0, 1.0), live(1.6, 2.0, 2.5))
    assert relation.verdict().word is R
    assert relation.verdict(Look().shared_by(10)).word is I


def test_ratio_needs_the_larger_quantity_first() -> None:
    for documented in (1, 0.3, 0, -2, math.nan, math.inf):
        with pytest.raises(ValueError, match="write the larger quantity first"):
            ratio(exact(3), over=exact(1), documented=documented)


SIZES = [
    # over, documented, verdict on the documented hardware, verdict elsewhere: of figure("3.33") over it
    ("within both roundings", figure("1.00"), 3.33, R, R),
    ("rounding of the runs reaches it", figure("1.0"), 3.5, R, R),
    ("larger than the runs allow", figure("1.00"), 4.0, W, R),
    ("smaller than the runs allow", figure("1.00"), 2.0, W, R),
    ("a whole number is wide", figure("1.00"), 3, R, R),
    ("the other direction", figure("9.00"), 3.33, C, C),
    ("no direction", figure("3.33"), 3.33, I, I),
]


@pytest.mark.parametrize(
    ("over", "documented", "here", "elsewhere"), [case[1:] for case in SIZES], ids=[case[0] for case in SIZES]
)
def test_a_documented_size_is_judged_on_documented_hardware_only(
    over: Quantity, documented: float, here: Word, elsewhere: Word
) -> None:
    relation = ratio(figure("3.33"), over=over, documented=documented)
    assert relation.verdict(DOCUMENTED).word is here
    assert relation.verdict(Look()).word is elsewhere
    assert relation.verdict(Look(documented_hardware=False)).word is elsewhere


def test_elsewhere_the_documented_size_is_shown_beside() -> None:
    verdict = ratio(live(2.0, 2.1, 1.9), over=live(1.0, 1.0, 1.0), documented=3.33).verdict()
    assert verdict.word is R
    assert verdict.effect == pytest.approx((2.0 * 2.1 * 1.9) ** (1 / 3))
    assert verdict.reason == "the document has 3.33 on other hardware: only the direction counts"


def test_a_weakened_verdict_says_what_does_not_hold() -> None:
    verdict = ratio(exact(2), over=exact(1), documented=3.33).verdict(DOCUMENTED)
    assert verdict.word is W
    assert verdict.reason == "the direction holds, the documented size 3.33 does not"
    assert span(verdict) == (2, 2)


@pytest.mark.parametrize(
    ("documented", "word"),
    [(3.92, W), (3.93, R), (3.94, W), (3.9, R), (4, R), (3, W)],
)
def test_the_documented_digits_are_the_tolerance(documented: float, word: Word) -> None:
    """The document's own: 6274.3528 s against 1595.727 s, a factor of 3.932."""
    found = ratio(figure("6274.3528"), over=figure("1595.727"), documented=documented).verdict(DOCUMENTED)
    assert found.word is word


def test_a_printed_three_does_not_reproduce_a_documented_two() -> None:
    assert ratio(figure("3", unit="ratio"), over=exact(1, unit="ratio"), documented=2).verdict(DOCUMENTED).word is W
    assert ratio(figure("2", unit="ratio"), over=exact(1, unit="ratio"), documented=2).verdict(DOCUMENTED).word is R


@pytest.mark.parametrize("n", [1, 2, 3])
def test_wide_live_samples_reproduce_nothing(n: int) -> None:
    spread = (1.01, 60.0, 3.33)[:n]
    relation = ratio(live(*spread), over=live(*[1.0] * n), documented=3.33)
    assert relation.verdict(DOCUMENTED).word is I
    assert relation.verdict().word is I


def test_live_sizes_on_documented_hardware() -> None:
    over = live(1.0, 1.0, 1.0)
    near, far = live(3.3, 3.35, 3.32), live(2.0, 2.01, 1.99)
    assert ratio(near, over=over, documented=3.33).verdict(DOCUMENTED).word is R
    assert ratio(far, over=over, documented=3.33).verdict(DOCUMENTED).word is W


BY = [
    # Ratios of the rounds, than / smaller, by how much they must differ, and the verdict.
    ((1.2, 1.21, 1.19), 0.1, R),
    ((1.05, 1.06, 1.04), 0.1, C),
    ((1.0, 1.001, 0.999), 0.1, C),
    ((0.5, 0.51, 0.49), 0.1, C),
    ((1.0, 1.1, 1.2), 0.1, I),
    ((1.05, 1.06, 1.04), 0.0, R),
]


@pytest.mark.parametrize(("ratios", "by", "word"), BY)
def test_a_least_difference_lets_likeness_contradict(ratios: tuple[float, ...], by: float, word: Word) -> None:
    smaller, than = live(*(1.0 for _ in ratios)), live(*ratios)
    assert less(smaller, than, by=by).verdict().word is word
    assert ratio(than, over=smaller, documented=2, by=by).verdict().word is word


def test_a_difference_that_is_too_small_is_told_from_the_other_direction() -> None:
    one = live(1.0, 1.0, 1.0)
    assert less(one, live(1.05, 1.06, 1.04), by=0.1).verdict().reason == "the difference is less than 10.0%"
    assert less(one, live(0.5, 0.51, 0.49), by=0.1).verdict().reason == "the direction is the other way round"


@pytest.mark.parametrize("by", [-0.1, math.inf, math.nan])
def test_a_least_difference_is_a_number(by: float) -> None:
    with pytest.raises(ValueError, match="the least difference may not be negative"):
        less(exact(1), exact(2), by=by)

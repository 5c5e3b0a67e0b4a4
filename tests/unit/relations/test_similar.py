"""`similar`: inclusion in a margin, so that ignorance never counts as sameness."""

from __future__ import annotations

import math

import pytest
from builders import T_975, exact, figure, live, span

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations import similar
from llm_claims.relations.verdict import Word

R, C, I = Word.REPRODUCED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741

CASES = [
    ("equal figures", figure("5.25"), figure("5.25"), R),
    ("alike", figure("5.25"), figure("5.1"), R),
    ("equal, but printed too coarsely", figure("2"), figure("2"), I),
    ("apart", figure("5.25"), figure("4.62"), C),
    ("apart, the other way", figure("4.62"), figure("5.25"), C),
    ("at the margin", figure("5.5"), figure("5.0"), I),
    ("exactly at the margin", exact(11), exact(10), R),
    ("exactly at the lower margin", exact(10), exact(11), R),
    ("just beyond the margin", exact(1101), exact(1000), C),
    ("one round", live(1.0), live(1.0), I),
    ("two rounds, alike", live(1.0, 1.0), live(1.001, 1.0), R),
    ("two rounds, wide", live(1.0, 1.0), live(1.05, 1.0), I),
    ("three rounds, alike", live(1.0, 1.0, 1.0), live(1.01, 0.99, 1.0), R),
    ("three rounds, centred but wide", live(1.0, 1.0, 1.0), live(1.1, 0.9, 1.0), I),
    ("three rounds, apart", live(1.0, 1.0, 1.0), live(1.3, 1.31, 1.29), C),
    ("no spread, no difference", live(1.0, 1.0, 1.0), live(1.0, 1.0, 1.0), R),
    ("no spread, apart", live(1.0, 1.0, 1.0), live(2.0, 2.0, 2.0), C),
    ("five rounds, alike", live(*[1.0] * 5), live(1.02, 0.98, 1.01, 0.99, 1.0), R),
]


@pytest.mark.parametrize(("first", "second", "word"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_similar_within_ten_percent(first: Quantity, second: Quantity, word: Word) -> None:
    verdict = similar(first, second, within=0.1).verdict()
    assert verdict.word is word
    assert similar(second, first, within=0.1).verdict().word is word, "sameness has no order"


def test_the_margin_is_symmetric_on_the_logarithmic_scale() -> None:
    assert similar(exact(100), exact(125), within=0.25).verdict().word is R
    assert similar(exact(125), exact(100), within=0.25).verdict().word is R
    assert similar(exact(100), exact(126), within=0.25).verdict().word is C


def test_effect_and_interval_are_those_of_the_first_over_the_second() -> None:
    verdict = similar(live(2.0, 4.0, 8.0), live(1.0, 1.0, 1.0), within=0.1).verdict()
    half = T_975[2] * math.log(2) / math.sqrt(3)
    assert verdict.effect == pytest.approx(4)
    assert span(verdict) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)), rel=1e-5)
    assert (verdict.relation, verdict.n) == ("similar", 3)


def test_an_inconclusive_verdict_says_what_it_could_have_seen() -> None:
    verdict = similar(live(1.0, 1.0, 1.0), live(1.1, 0.9, 1.0), within=0.1).verdict()
    assert verdict.word is I
    assert verdict.reason.startswith("they may or may not differ by 10.0%: n=3 could have told apart a difference of ")

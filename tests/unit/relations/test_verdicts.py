"""Verdicts: a word, an effect, and an interval that is one."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from llm_claims.relations.verdict import Interval, Verdict, Word


def interval(lower: float, upper: float) -> Interval:
    return Interval(lower=lower, upper=upper)


@pytest.mark.parametrize("ends", [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf), (-math.inf, 0.0)], ids=str)
def test_what_is_no_interval_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ValidationError):
        interval(*ends)


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        ((1, 3), (2, 4), True),
        ((1, 4), (2, 3), True),
        ((1, 2), (3, 4), False),
        ((1.5, 2.5), (2.5, 3.5), False),
        ((2.5, 2.5), (2.5, 3.5), True),
        ((1.5, 2.5), (2.5, 2.5), True),
        ((2, 2), (2, 2), True),
        ((2, 2), (3, 3), False),
        ((2, 2), (1, 3), True),
        ((0, 0), (1, 2), False),
    ],
    ids=str,
)
def test_overlap(a: tuple[float, float], b: tuple[float, float], shared: bool) -> None:
    assert interval(*a).overlaps(interval(*b)) is shared
    assert interval(*b).overlaps(interval(*a)) is shared


@pytest.mark.parametrize("word", Word)
def test_only_an_inconclusive_verdict_can_use_more_samples(word: Word) -> None:
    assert Verdict(word=word, relation="less").decided is (word is not Word.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "reproduced"),
        ({"effect": 3.3333333}, "reproduced 3.333"),
        ({"effect": 3.3333333, "interval": interval(3.2, 3.4000001)}, "reproduced 3.333 [3.2, 3.4]"),
        ({"effect": 3.0, "interval": interval(2, 4), "effects": (3.0,)}, "reproduced 3 [2, 4]"),
        ({"effect": 3.0, "interval": interval(2, 4), "effects": (3.0, 1.23456)}, "reproduced 3 [2, 4] of 3, 1.235"),
        ({"effects": (3.0, 1.2)}, "reproduced"),
    ],
)
def test_a_verdict_reads_as_word_effect_interval(fields: dict[str, object], text: str) -> None:
    assert str(Verdict(word=Word.REPRODUCED, relation="less", **fields)) == text

"""Verdicts: five words and an error, an interval that is one, and rows that reports can read back."""

from __future__ import annotations

import math

import pytest
from builders import row
from pydantic import ValidationError

from llm_claims.judging.rows import FigureList, FigureRow, VerdictList
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


@pytest.mark.parametrize("effect", [math.nan, math.inf])
def test_an_effect_is_a_finite_number(effect: float) -> None:
    with pytest.raises(ValidationError, match="effect"):
        Verdict(word=Word.REPRODUCED, relation="less", effect=effect)


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


def test_nothing_is_claimed_for_a_verdict_that_does_not_claim_it() -> None:
    for found in (Verdict(word=Word.UNTESTABLE, relation="none"), row("untestable")):
        assert (found.effect, found.interval, found.n, found.reason) == (None, None, 0, "")


def test_the_words_are_those_of_the_design() -> None:
    assert [str(word) for word in Word] == [
        "reproduced",
        "weakened",
        "contradicted",
        "inconclusive",
        "untestable",
        "error",
    ]


def test_rows_survive_their_file() -> None:
    rows = VerdictList(
        [row("reproduced", effect=3.3, interval=(3.2, 3.4), n=5), row("untestable", source="gpu", reason="no GPU here")]
    )
    assert VerdictList.model_validate_json(rows.model_dump_json()) == rows
    figures = FigureList([FigureRow(claim="a", case="", source="cpu", workload="W", key="12", metric="outcome")])
    assert FigureList.model_validate_json(figures.model_dump_json()) == figures


@pytest.mark.parametrize("fields", [{"verdict": "proved"}, {"n": -1}, {"effect": math.nan}, {"colour": "green"}])
def test_what_is_no_row_is_refused(fields: dict[str, object]) -> None:
    data = {**row("reproduced").model_dump(), **fields}
    with pytest.raises(ValidationError, match=next(iter(fields))):
        VerdictList.model_validate([data])

from __future__ import annotations

import math

import pytest
from builders import T_975, figure, live, span

from llm_claims.errors import EvidenceError
from llm_claims.relations import repeats
from llm_claims.relations.verdict import Word


def test_a_figure_where_one_more_sample_would_fall_is_repeated() -> None:
    verdict = repeats(live(4.60, 4.62, 4.66), figure("4.6")).verdict()
    assert verdict.word is Word.REPRODUCED
    assert (verdict.n, verdict.unit) == (3, "s")


def test_the_interval_is_the_prediction_interval_of_the_logarithms() -> None:
    values = (4.0, 4.2, 4.5)
    logs = [math.log(value) for value in values]
    mean = sum(logs) / 3
    deviation = math.sqrt(sum((one - mean) ** 2 for one in logs) / 2)
    half = T_975[2] * deviation * math.sqrt(1 + 1 / 3)
    found = span(repeats(live(*values), figure("4.2")).verdict())
    assert found == pytest.approx((math.exp(mean - half), math.exp(mean + half)), rel=1e-6)


def test_another_figure_is_not() -> None:
    verdict = repeats(live(2.30, 2.31, 2.32), figure("4.6")).verdict()
    assert verdict.word is Word.CONTRADICTED
    assert verdict.reason == "4.6 s is not where one more sample would fall"


def test_the_rounding_of_the_figure_counts() -> None:
    samples = live(4.649, 4.6495, 4.65)
    assert repeats(samples, figure("4.6")).verdict().word is Word.REPRODUCED
    assert repeats(samples, figure("4.60")).verdict().word is Word.CONTRADICTED


def test_one_sample_tells_nothing() -> None:
    assert repeats(live(4.6), figure("4.6")).verdict().word is Word.INCONCLUSIVE


def test_two_printed_figures_are_equal_or_not() -> None:
    assert repeats(figure("4.62"), figure("4.6")).verdict().word is Word.REPRODUCED
    assert repeats(figure("4.62"), figure("4.7")).verdict().word is Word.CONTRADICTED


def test_a_figure_of_another_unit_is_refused() -> None:
    with pytest.raises(EvidenceError, match="one figure in s can be repeated, not 1 in steps"):
        repeats(live(4.6, 4.7), figure("4.6", unit="steps")).verdict()

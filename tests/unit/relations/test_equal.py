"""`equal` and `unequal`: exact for counts, to the printed digit for figures, without a tolerance."""

from __future__ import annotations

import pytest
from builders import exact, figure, live, span

from llm_claims.errors import UnpairedError
from llm_claims.evidence.quantities import Quantity
from llm_claims.relations import equal, unequal
from llm_claims.relations.verdict import Word

CASES = [
    ("equal counts", exact(147), exact(147), True),
    ("different counts", exact(147), exact(148), False),
    ("a plain number", exact(147), 147, True),
    ("another plain number", exact(147), 148, False),
    ("counts a hair apart", exact(1.0), exact(1.0 + 1e-12), False),
    ("one figure", figure("5.1"), figure("5.1"), True),
    ("a rounded figure", figure("5.25"), figure("5.3"), True),
    ("a figure that rounds elsewhere", figure("5.24"), figure("5.3"), False),
    ("neighbours", figure("2"), figure("3"), False),
    ("neighbours with a decimal", figure("1.1"), figure("1.2"), False),
    ("a count that would print so", exact(5.1499), figure("5.1"), True),
    ("a count that would not", exact(5.1501), figure("5.1"), False),
    ("a count at the edge of rounding", exact(2.5), figure("3"), True),
    ("a cut clock", figure("1595", "down"), figure("1595.727"), True),
    ("a clock that was not cut", figure("1596"), figure("1595.727"), True),
    ("a clock cut too far", figure("1594", "down"), figure("1595.727"), False),
    ("several counts", exact(1, 2, 3), exact(1, 2, 3), True),
    ("several counts, one off", exact(1, 2, 3), exact(1, 2, 4), False),
    ("several counts against one", exact(2, 2, 2), 2, True),
    ("several counts against one, one off", exact(2, 2, 3), 2, False),
    ("one against several", exact(2), exact(2, 2, 2), True),
    ("different number", exact(1, 2, 3), exact(1, 2), False),
    ("different number, equal as far as they go", exact(2, 2, 2), exact(2, 2), False),
    ("live and equal", live(1.0, 1.0), live(1.0, 1.0), True),
    ("live and not quite", live(1.0, 1.0), live(1.0, 1.0 + 1e-9), False),
]


@pytest.mark.parametrize(("first", "second", "same"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_equal_and_unequal_are_opposites(first: Quantity, second: Quantity | float, same: bool) -> None:
    yes, no = Word.REPRODUCED, Word.CONTRADICTED
    assert equal(first, second).verdict().word is (yes if same else no)
    assert unequal(first, second).verdict().word is (no if same else yes)


def test_the_effect_is_the_first_quantity_in_its_unit() -> None:
    verdict = equal(figure("5.3"), figure("5.25")).verdict()
    assert (verdict.effect, verdict.unit, verdict.n, verdict.relation) == (5.3, "s", 1, "equal")
    assert span(verdict) == (5.25, 5.35)
    assert unequal(exact(1, 2, 3), exact(1, 2, 4)).verdict().effect == 3


def test_a_verdict_that_does_not_hold_says_why() -> None:
    assert equal(exact(1), 1).verdict().reason == unequal(exact(1), 2).verdict().reason == ""
    assert unequal(exact(1, 2), exact(1, 2)).verdict().reason == "all 2 are equal"
    verdict = equal(exact(1, 2, 3, 9), exact(1, 5, 3, 8)).verdict()
    assert verdict.reason == "2 of 4 differ, first 2 against 5 steps"
    assert verdict.n == 4
    assert equal(exact(1, 2, 3), exact(1, 2)).verdict().reason == "3 samples against 2"


def test_live_samples_are_compared_round_by_round() -> None:
    first, second = live(5.0, 6.0, rounds=(1, 2)), live(6.0, 7.0, rounds=(2, 3))
    verdict = equal(first, second).verdict()
    assert (verdict.word, verdict.n) == (Word.REPRODUCED, 1)
    assert unequal(first, second).verdict().word is Word.CONTRADICTED


def test_live_samples_without_a_round_in_common_are_refused() -> None:
    with pytest.raises(UnpairedError, match="share no round"):
        equal(live(5.0, 5.0, rounds=(1, 2)), live(5.0, 5.0, rounds=(3, 4))).verdict()

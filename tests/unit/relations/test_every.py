"""`every`: as good as the gravest of its parts."""

from __future__ import annotations

from itertools import permutations

import pytest
from builders import DOCUMENTED, exact, figure, live

from llm_claims.relations import Look, Relation, equal, every, increasing, less, ratio
from llm_claims.relations.verdict import Word

HOLDS = less(exact(1), exact(2))
WEAK = ratio(exact(2), over=exact(1), documented=9.9)
OPEN = less(figure("1.0"), figure("1.0"))
FAILS = less(exact(3), exact(1))

CASES = [
    ([HOLDS], Word.REPRODUCED),
    ([HOLDS, HOLDS], Word.REPRODUCED),
    ([HOLDS, WEAK], Word.WEAKENED),
    ([HOLDS, OPEN], Word.INCONCLUSIVE),
    ([WEAK, OPEN], Word.INCONCLUSIVE),
    ([HOLDS, FAILS], Word.CONTRADICTED),
    ([OPEN, FAILS], Word.CONTRADICTED),
    ([WEAK, FAILS], Word.CONTRADICTED),
    ([HOLDS, WEAK, OPEN, FAILS], Word.CONTRADICTED),
]


@pytest.mark.parametrize(("parts", "word"), CASES)
def test_the_gravest_part_speaks_wherever_it_stands(parts: list[Relation], word: Word) -> None:
    for order in permutations(parts):
        assert every(*order).verdict(DOCUMENTED).word is word


def test_the_gravest_part_is_named_with_its_numbers() -> None:
    verdict = every(HOLDS, FAILS, HOLDS).verdict()
    assert verdict.reason == "part 2 (less) of 3: the direction is the other way round; 2 hold"
    assert verdict.effect == pytest.approx(1 / 3)
    assert verdict.relation == "less"


def test_when_all_hold_the_first_speaks() -> None:
    verdict = every(equal(exact(7), 7), HOLDS).verdict()
    assert (verdict.relation, verdict.effect, verdict.reason) == ("equal", 7, "")


def test_every_part_is_judged_by_the_same_look() -> None:
    """All parts must pass, so the error is not shared; a shared look is passed on as it is."""
    part = less(live(1.0, 1.0, 1.0), live(1.6, 2.0, 2.5))
    assert every(part, part, part).verdict().model_copy(update={"effects": ()}) == part.verdict()
    shared = every(part).verdict(Look().shared_by(10))
    assert shared.word is Word.INCONCLUSIVE
    assert shared.interval == part.verdict(Look().shared_by(10)).interval


def test_a_contradiction_shares_the_error_of_the_parts() -> None:
    """Any part that fails contradicts the whole, so many parts are many chances to fail by luck."""
    doubtful = less(live(1.6, 2.0, 2.5), live(1.0, 1.0, 1.0))
    assert doubtful.verdict().word is Word.CONTRADICTED
    assert every(doubtful).verdict().word is Word.CONTRADICTED
    assert every(*[doubtful] * 10).verdict().word is Word.INCONCLUSIVE
    clear = less(live(2.0, 2.01, 1.99), live(1.0, 1.0, 1.0))
    assert every(HOLDS, clear, HOLDS).verdict().word is Word.CONTRADICTED
    assert every(*[HOLDS] * 9, doubtful).verdict().reason.startswith("part 10 (less) of 10: the ratio may be 1: ")


def test_the_effects_of_all_parts_are_kept() -> None:
    assert every(HOLDS, equal(exact(7), 7)).verdict().effects == (2, 7)
    assert every(HOLDS, FAILS).verdict().effects == (2, pytest.approx(1 / 3))
    assert every(HOLDS, increasing(exact(1), exact(3), exact(6))).verdict().effects == (2, 3, 2)


def test_a_claim_without_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one relation"):
        every()

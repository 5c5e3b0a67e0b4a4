"""`increasing`: every step must rise, and one that may not leaves all open."""

from __future__ import annotations

import pytest
from builders import exact, figure, live, span

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations import Look, increasing
from llm_claims.relations.verdict import Word

R, C, I = Word.REPRODUCED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741

ONE = live(1.0, 1.0, 1.0)
TWO = live(2.0, 2.1, 1.9)
WIDE = live(2.0, 9.0, 1.5)

CASES = [
    ("figures rise", [figure("4.5"), figure("4.7"), figure("4.9")], R),
    ("neighbours touch", [figure("4.5"), figure("4.6"), figure("4.7")], R),
    ("two equal figures", [figure("4.5"), figure("4.5"), figure("4.7")], I),
    ("two equal counts", [exact(1), exact(1)], I),
    ("one falls", [figure("4.5"), figure("4.9"), figure("4.7")], C),
    ("one falls, another is equal", [figure("4.5"), figure("4.5"), figure("4.3")], C),
    ("the ends rise and the middle falls", [exact(2), exact(1), exact(9)], C),
    ("live rises", [ONE, TWO], R),
    ("live falls", [TWO, ONE], C),
    ("live, one step unclear", [ONE, TWO, WIDE], I),
    ("live, one step unclear and one falling", [TWO, ONE, WIDE, ONE], C),
    ("one round", [live(1.0), live(2.0)], I),
]


@pytest.mark.parametrize(("quantities", "word"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_increasing(quantities: list[Quantity], word: Word) -> None:
    assert increasing(*quantities).verdict().word is word


def test_the_effect_is_the_smallest_step() -> None:
    verdict = increasing(exact(100), exact(120), exact(132), exact(264)).verdict()
    assert (verdict.word, verdict.effect, span(verdict), verdict.n) == (R, 1.1, (1.1, 1.1), 1)
    assert (verdict.relation, verdict.reason) == ("increasing", "")


def test_the_effects_of_all_steps_are_kept() -> None:
    assert increasing(exact(1), exact(3), exact(6)).verdict().effects == (3, 2)


def test_a_fall_is_located() -> None:
    verdict = increasing(exact(1), exact(2), exact(1), exact(4)).verdict()
    assert verdict.reason == "step 2 of 3 goes down"
    assert verdict.effect == 0.5


def test_an_unclear_step_is_the_one_shown_even_beside_a_smaller_clear_one() -> None:
    clear = live(1.05, 1.051, 1.05)
    verdict = increasing(ONE, clear, live(1.06, 3.0, 1.0)).verdict()
    assert verdict.word is I
    assert verdict.reason.startswith("step 2 of 2 may be none: n=3 could have told apart")
    lower, upper = span(verdict)
    assert lower < 1 < upper, "an interval that excludes 1 cannot leave the direction open"


def test_a_falling_step_is_the_one_shown_even_beside_a_lower_unclear_one() -> None:
    verdict = increasing(live(1.0, 1.0, 1.0), live(0.1, 5.0, 0.2), live(0.09, 4.5, 0.18)).verdict()
    assert verdict.word is C
    assert verdict.reason == "step 2 of 2 goes down"
    assert span(verdict) == pytest.approx((0.9, 0.9))


def test_that_all_rise_takes_the_full_error_and_that_one_falls_a_shared_one() -> None:
    noisy = (1.4, 1.7, 2.1)
    rises, falls = live(*noisy), live(*(1 / value for value in noisy))
    assert increasing(ONE, rises).verdict().word is R
    assert increasing(ONE, rises, live(*(9 * value for value in noisy))).verdict().word is R
    assert increasing(ONE, falls).verdict().word is C
    shared = increasing(ONE, falls, live(*(9 * value for value in noisy))).verdict()
    assert shared.interval == increasing(ONE, falls).verdict(Look().shared_by(2)).interval
    assert shared.word is I

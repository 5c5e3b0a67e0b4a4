"""`flat`: no departure from the first, on the sides that matter."""

from __future__ import annotations

from typing import Literal

import pytest
from builders import exact, figure, live, span

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations import Look, flat
from llm_claims.relations.verdict import Word

R, C, I = Word.REPRODUCED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741
Against = Literal["change", "rise", "fall"]

ONE = live(1.0, 1.0, 1.0)

CASES = [
    # the others, beside 1.00: verdicts against a change, a rise, a fall
    ("alike", [figure("1.00"), figure("1.02")], (R, R, R)),
    ("one rises", [figure("1.02"), figure("1.20")], (C, C, R)),
    ("one falls", [figure("0.80"), figure("1.02")], (C, R, C)),
    ("one rises, one falls", [figure("1.20"), figure("0.80")], (C, C, C)),
    ("at the upper margin", [figure("1.10")], (I, I, R)),
    ("at the lower margin", [figure("0.91")], (I, R, I)),
    ("far off", [figure("90.00")], (C, C, R)),
    ("live, alike", [live(1.01, 1.0, 0.99)], (R, R, R)),
    ("live, wide", [live(0.8, 1.0, 1.25)], (I, I, I)),
    ("live, wide but clearly no rise", [live(0.2, 0.3, 0.25)], (C, R, C)),
    ("live, one round", [live(1.0)], (I, I, I)),
    ("live, alike and wide", [live(1.01, 1.0, 0.99), live(0.8, 1.0, 1.25)], (I, I, I)),
    ("live, wide and risen", [live(0.8, 1.0, 1.25), live(2.0, 2.0, 2.0)], (C, C, I)),
    ("live, no spread", [live(1.0, 1.0, 1.0)], (R, R, R)),
]


@pytest.mark.parametrize(("others", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_flat_within_ten_percent(others: list[Quantity], words: tuple[Word, Word, Word]) -> None:
    first = ONE if others[0].series().spread == "sampled" else figure("1.00")
    if others[0].series().n == 1 and first is ONE:
        first = live(1.0)
    found = [flat(first, *others, within=0.1, against=side).verdict().word for side in ("change", "rise", "fall")]
    assert tuple(found) == words


def test_everything_is_compared_with_the_first() -> None:
    """Small steps that add up to a rise: each is within the margin of its neighbour, the last is not of the first."""
    verdict = flat(exact(100), exact(108), exact(116), within=0.1).verdict()
    assert verdict.word is C
    assert verdict.effect == 1.16


@pytest.mark.parametrize(("against", "effect"), [("change", 0.4), ("rise", 1.5), ("fall", 0.4)])
def test_the_effect_is_the_largest_departure_that_matters(against: Against, effect: float) -> None:
    verdict = flat(exact(10), exact(15), exact(4), within=0.1, against=against).verdict()
    assert verdict.word is C
    assert verdict.effect == effect
    assert span(verdict) == (effect, effect)
    assert verdict.reason == f"the {against} exceeds the margin of 10.0%"


@pytest.mark.parametrize(("against", "effect"), [("change", 0.4), ("rise", 1.9), ("fall", 0.4)])
def test_of_several_departures_the_largest_is_shown(against: Against, effect: float) -> None:
    verdict = flat(exact(10), exact(8), exact(4), exact(13), exact(19), exact(7), within=0.1, against=against).verdict()
    assert (verdict.word, verdict.effect) == (C, effect)


def test_the_effects_of_all_departures_are_kept() -> None:
    assert flat(exact(10), exact(15), exact(4), within=0.1).verdict().effects == (1.5, 0.4)


def test_the_departure_shown_is_one_that_decides() -> None:
    wide, risen = live(0.1, 9.0, 9.0), live(1.3, 1.3, 1.3)
    verdict = flat(ONE, wide, risen, within=0.1).verdict()
    assert verdict.word is C
    assert span(verdict) == pytest.approx((1.3, 1.3)), "not the wide one, which contradicts nothing"


def test_an_inconclusive_verdict_shows_the_open_departure() -> None:
    """Against a fall, 1.0 is the larger departure; only the wide sample is open."""
    verdict = flat(ONE, live(0.95, 0.95, 0.95), live(0.8, 1.2, 1.25), within=0.1, against="fall").verdict()
    assert verdict.word is I
    assert verdict.reason.startswith("the fall may exceed the margin of 10.0%: n=3 could have told apart")
    lower, upper = span(verdict)
    assert lower < 1 / 1.1 < upper


def test_that_all_stay_takes_the_full_error_and_that_one_leaves_a_shared_one() -> None:
    near, far = live(1.02, 0.98, 1.0), live(1.2, 1.3, 1.25)
    assert flat(ONE, *[near] * 10, within=0.1).verdict().word is R
    assert flat(ONE, far, within=0.1).verdict().word is C
    assert flat(ONE, *[far] * 10, within=0.1).verdict().word is I
    shared = flat(ONE, near, far, within=0.1).verdict()
    assert shared.interval == flat(ONE, far, within=0.1).verdict(Look().shared_by(2)).interval

"""`proportional`: the margin on documented hardware, the kind of growth elsewhere."""

from __future__ import annotations

import math

import pytest
from builders import DOCUMENTED, exact, figure, live, quantity, span

from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.relations import Look, proportional
from llm_claims.relations.verdict import Word

R, W, C, I = Word.REPRODUCED, Word.WEAKENED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741
WITHIN = 0.136

CASES = [
    # latency by number of prompts; verdict on documented hardware, elsewhere
    ("the document's 7B", {1: figure("5.1"), 2: figure("10.1"), 4: figure("20.1")}, R, R),
    ("the document's 13B", {1: figure("4.8"), 2: figure("8"), 4: figure("16"), 8: figure("33")}, W, R),
    ("flat", {1: exact(10), 4: exact(10), 8: exact(11)}, C, C),
    ("falling", {1: exact(10), 4: exact(5)}, C, C),
    ("quadratic", {1: exact(1), 4: exact(16)}, C, C),
    ("exponent 0.6", {1: exact(1), 16: exact(16**0.6)}, W, R),
    ("exponent 0.4", {1: exact(1), 16: exact(16**0.4)}, C, C),
    ("halfway to flat", {1: exact(1), 16: exact(4)}, C, C),
    ("halfway to quadratic", {1: exact(1), 16: exact(64)}, C, C),
    ("exponent 0.83, from 4", {4: exact(10), 64: exact(100)}, W, R),
    ("exponent 0.4, from 4", {4: exact(10), 64: exact(10 * 16**0.4)}, C, C),
    ("exponent 1.4", {1: exact(1), 16: exact(16**1.4)}, W, R),
    ("exponent 1.6", {1: exact(1), 16: exact(16**1.6)}, C, C),
    ("out of the margin in the middle only", {1: exact(1), 2: exact(4), 4: exact(4)}, W, R),
    ("figures too coarse for the margin", {1: figure("1"), 2: figure("2"), 16: figure("16")}, I, R),
    ("a growth that may be nothing", {1: exact(1, unit="s"), 2: quantity(Series.printed((5.0,), "s", 10.0))}, I, I),
    ("live, in proportion", {1: live(1.0, 1.0, 1.0), 4: live(4.0, 4.04, 3.96)}, R, R),
    ("live, in proportion but wide", {1: live(1.0, 1.0, 1.0), 4: live(4.0, 3.3, 4.8)}, I, R),
    ("live, no idea", {1: live(1.0, 1.0, 1.0), 4: live(4.0, 1.0, 16.0)}, I, I),
    ("live, flat", {1: live(1.0, 1.0, 1.0), 4: live(1.0, 1.1, 0.9)}, C, C),
    ("live, one round", {1: live(1.0), 4: live(4.0)}, I, I),
    ("live, no spread", {1: live(1.0, 1.0, 1.0), 4: live(4.0, 4.0, 4.0)}, R, R),
]


@pytest.mark.parametrize(
    ("quantities", "here", "elsewhere"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_proportional(quantities: dict[float, Quantity], here: Word, elsewhere: Word) -> None:
    relation = proportional(quantities, within=WITHIN)
    assert relation.verdict(DOCUMENTED).word is here
    assert relation.verdict(Look()).word is elsewhere


def test_the_effect_is_the_cost_per_unit_that_departs_most() -> None:
    verdict = proportional({1: exact(10), 2: exact(22), 4: exact(36)}, within=0.2).verdict(DOCUMENTED)
    assert verdict.word is R
    assert verdict.effect == pytest.approx(0.9), "22 per 2 is 1.1, which is nearer to 1 than 36 per 4"
    assert span(verdict) == pytest.approx((0.9, 0.9))
    assert verdict.relation == "proportional"


@pytest.mark.parametrize("look", [Look(), DOCUMENTED], ids=["elsewhere", "documented"])
def test_the_costs_of_all_sizes_are_kept(look: Look) -> None:
    verdict = proportional({1: exact(10), 2: exact(22), 4: exact(36)}, within=0.2).verdict(look)
    assert verdict.effects == pytest.approx((1.1, 0.9))


def test_sizes_need_not_begin_at_one() -> None:
    verdict = proportional({4: exact(10), 12: exact(30)}, within=0.01).verdict(DOCUMENTED)
    assert (verdict.word, verdict.effect) == (R, pytest.approx(1.0))


def test_the_cost_shown_is_one_that_left_the_margin() -> None:
    """13B of the document: 8 s has the wider interval, 16 s the one that leaves the margin."""
    quantities = {1: figure("4.8"), 2: figure("8"), 4: figure("16"), 8: figure("33")}
    verdict = proportional(quantities, within=WITHIN).verdict(DOCUMENTED)
    assert verdict.word is W
    assert span(verdict)[1] < 1 / (1 + WITHIN)
    assert "the growth has exponent 0.93 [0.91, 0.96]: nearer to 1 than to 0" in verdict.reason


def test_an_unclear_departure_says_what_it_could_have_seen() -> None:
    verdict = proportional({1: figure("1"), 2: figure("2")}, within=WITHIN).verdict(DOCUMENTED)
    assert verdict.word is I
    assert verdict.reason.startswith("the cost per unit may change by more than 13.6%: n=1 could have told apart")


def test_growth_of_unclear_kind_is_open_even_beyond_the_margin() -> None:
    """Certainly not within the margin, perhaps nearer to proportional, perhaps to flat."""
    relation = proportional({1: live(1.0, 1.0, 1.0), 16: live(4.0, 5.0, 3.2)}, within=WITHIN)
    verdict = relation.verdict(DOCUMENTED)
    assert verdict.word is I
    assert "the growth has exponent 0.50" in verdict.reason
    assert relation.verdict().word is I


def test_a_last_size_with_one_common_round_is_open_and_no_crash() -> None:
    quantities = {
        1: live(1.0, 1.0, 1.0),
        2: live(9.0, 9.0, 9.0),
        4: live(4.0, rounds=(3,)),
    }
    for look in (Look(), DOCUMENTED):
        assert proportional(quantities, within=WITHIN).verdict(look).word is I


def test_that_all_stay_takes_the_full_error_and_that_one_leaves_a_shared_one() -> None:
    one, four, far = live(1.0, 1.0, 1.0), live(4.0, 4.1, 3.9), live(5.2, 5.0, 5.1)
    assert proportional({1: one, 4: four, 8: live(8.0, 8.2, 7.8)}, within=WITHIN).verdict(DOCUMENTED).word is R
    alone = proportional({1: one, 4: far}, within=WITHIN).verdict(DOCUMENTED.shared_by(2))
    both = proportional({1: one, 4: far, 8: live(8.0, 8.0, 8.0)}, within=WITHIN).verdict(DOCUMENTED)
    assert (both.word, both.interval) == (W, alone.interval)


def test_the_exponent_is_the_slope_of_all_sizes() -> None:
    """By least squares of 0, 1.2, 1.6 and 2.4 at 0, 1, 2 and 3, in binary logarithms: 0.76; of the ends alone 0.8."""
    sizes = {2.0**x: exact(2**y) for x, y in enumerate((0, 1.2, 1.6, 2.4))}
    assert proportional(sizes, within=WITHIN).verdict().reason == "the growth has exponent 0.76"


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((0, 2), "sizes must be positive"),
        ((2, 1), "ascending"),
        ((1, math.inf), "finite"),
        ((1, math.nan), "finite"),
    ],
)
def test_sizes_that_are_none_are_refused(sizes: tuple[float, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        proportional({size: exact(1) for size in sizes}, within=0.1)

"""The error of each look, against a brute-force simulation of all of them."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from llm_claims.relations import Look
from llm_claims.relations.boundary import KEPT, NORMAL_PART, error_at, looks, number_of

RUNS = 40_000
ROUNDS = list(islice(looks(), 16))


def se(rate: float) -> float:
    """One standard error of a rate that is seen in so many runs."""
    return float((rate * (1 - rate) / RUNS) ** 0.5)


def test_looks_grow_by_a_quarter() -> None:
    assert ROUNDS == [3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 30, 38, 48, 60, 75, 94]


@pytest.mark.parametrize(("rounds", "number"), [(1, 0), (3, 0), (4, 1), (6, 3), (7, 4), (8, 4), (94, 15), (95, 16)])
def test_rounds_between_two_looks_have_the_share_of_the_later_one(rounds: int, number: int) -> None:
    assert number_of(rounds) == number


def test_a_look_may_err_more_than_it_spends_since_looks_are_alike() -> None:
    spent = [NORMAL_PART * 0.01 * (1 - KEPT) * KEPT**look for look in range(16)]
    errors = [error_at(look, 0.01) for look in range(16)]
    assert errors[0] == pytest.approx(spent[0])
    assert all(1.5 < error / share < 2.7 for error, share in zip(errors[1:], spent[1:], strict=True))


def test_a_look_that_is_none_of_several_has_the_whole_error() -> None:
    assert Look(0.99).error_at(7) == pytest.approx(0.01)
    assert Look(0.99, sequential=True).error_at(3) == pytest.approx(0.01 * NORMAL_PART * (1 - KEPT))
    shared = Look(0.99, sequential=True).shared_by(5).error_at(4)
    assert shared == pytest.approx(error_at(1, 0.002))
    assert shared < error_at(1, 0.01) / 5, "looks at what is rarer are less alike"


@pytest.mark.parametrize("total", [0.2, 0.05, 0.01])
def test_all_looks_at_normal_samples_spend_what_was_fixed_beforehand(total: float) -> None:
    from scipy.special import ndtr

    sums = np.random.default_rng(1).standard_normal((RUNS, ROUNDS[-1])).cumsum(axis=1)
    p = [2 * ndtr(-abs(sums[:, n - 1]) / n**0.5) for n in ROUNDS]
    crossed = np.zeros(RUNS, dtype=bool)
    for look, values in enumerate(p):
        crossed |= values < error_at(look, total)
        spent = NORMAL_PART * total * (1 - KEPT ** (look + 1))
        assert abs(crossed.mean() - spent) < 4 * se(spent)


@pytest.mark.parametrize("total", [0.05, 0.01])
def test_all_looks_at_students_t_keep_the_error(total: float) -> None:
    from scipy.special import stdtr

    samples = np.random.default_rng(2).standard_normal((RUNS, ROUNDS[-1]))
    crossed = np.zeros(RUNS, dtype=bool)
    for look, n in enumerate(ROUNDS):
        t = samples[:, :n].mean(axis=1) * n**0.5 / samples[:, :n].std(axis=1, ddof=1)
        crossed |= 2 * stdtr(n - 1, -abs(t)) < error_at(look, total)
    assert total / 2 < crossed.mean() < total + 3 * se(total)


def test_a_rare_error_is_computed_too() -> None:
    assert 0 < error_at(15, 1e-6) < error_at(0, 1e-6) < 1e-6

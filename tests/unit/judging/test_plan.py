"""The plan: who is compared with whom, directly or through others."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_claims.judging.plan import Plan
from llm_claims.judging.rehearsal import plan_of
from llm_claims.sources.base import Need, Placed
from llm_claims.workloads.generation.workload import Generation

A, B, C, D, E, F = (Placed(Generation(new_tokens=n)) for n in range(1, 7))
THERE = Placed(A.workload, "g5.2xlarge")


@pytest.mark.parametrize(
    ("compared", "asked", "companions"),
    [
        ([], [A], [A]),
        ([[A]], [A], [A]),
        ([[B, C]], [A], [A]),
        ([[A, B], [C, D]], [B], [A, B]),
        ([[A, B], [C, D]], [A, C, B], [A, B, C, D]),
        ([[A, B]], [E, A], [E, A, B]),
        ([[A, B], [THERE, C]], [THERE], [THERE, C]),
        ([[], [A, B]], [A], [A, B]),
        ([[], [A, B]], [], []),
    ],
)
def test_companions(compared: list[list[Placed]], asked: list[Placed], companions: list[Placed]) -> None:
    assert Plan(compared).companions(asked) == companions


def test_companions_are_transitive_whatever_the_order() -> None:
    for order in permutations([[A, B], [B, C], [C, D]]):
        plan = Plan(order)
        for one in (A, B, C, D):
            assert set(plan.companions([one])) == {A, B, C, D}


@given(st.lists(st.lists(st.sampled_from([A, B, C, D, E]), min_size=1, max_size=3), max_size=6))
def test_companionship_is_an_equivalence(compared: list[list[Placed]]) -> None:
    plan = Plan(compared)
    for relation in compared:
        assert set(relation) <= set(plan.companions(relation[:1]))
    for one in (A, B, C, D, E):
        group = plan.companions([one])
        assert len(group) == len(set(group))
        assert one in group
        for other in group:
            assert set(plan.companions([other])) == set(group)


def test_the_plan_of_cases_has_all_they_ask_and_joins_those_that_read_times() -> None:
    needs = [Need("one", "c", (A, B)), Need("two", "c", (C, D), timed=False), Need("three", "c", (), reason="no GPU")]
    plan = plan_of(needs)
    assert plan.placed == {A, B, C, D}
    assert [plan.is_timed(one) for one in (A, B, C, D)] == [True, True, False, False]
    assert (plan.companions([A]), plan.companions([C])) == ([A, B], [C])


def test_what_varies_joins_a_timed_comparison_that_it_shares_a_workload_with_and_nothing_else_is_timed() -> None:
    chain = [Need("time", "c", (A, B)), Need("far", "c", (C, D), timed=False), Need("near", "c", (A, C), timed=False)]
    apart, count = Need("apart", "c", (E, F), timed=False), Need("count", "c", (B, E), timed=False, varies=False)
    for needs in permutations([*chain, apart, count]):
        plan = plan_of(needs)
        assert set(plan.companions([A])) == {A, B, C, D}
        assert [plan.is_timed(one) for one in (E, F)] == [False, False]
        assert plan.placed == {A, B, C, D, E, F}

"""The plan: who is compared with whom, directly or through others."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from llm_claims.judging.plan import Plan
from llm_claims.judging.rehearsal import plan_of
from llm_claims.sources.base import Need, Placed
from llm_claims.workloads.generation.workload import Generation

A, B, C, D, E = (Placed(Generation(new_tokens=n)) for n in range(1, 6))


def test_who_is_compared_with_nobody_is_alone() -> None:
    assert Plan().companions([A]) == [A]
    assert Plan([[A]]).companions([A]) == [A]
    assert Plan([[B, C]]).companions([A]) == [A]


def test_companions_are_those_of_one_relation() -> None:
    plan = Plan([[A, B], [C, D]])
    assert plan.companions([A]) == plan.companions([B]) == [A, B]
    assert plan.companions([D]) == [C, D]


def test_companions_are_transitive_whatever_the_order() -> None:
    for order in permutations([[A, B], [B, C], [C, D]]):
        plan = Plan(order)
        for one in (A, B, C, D):
            assert set(plan.companions([one])) == {A, B, C, D}
    assert set(Plan([[A, B], [C, D], [B, C]]).companions([A])) == {A, B, C, D}


def test_groups_that_nothing_joins_stay_apart() -> None:
    plan = Plan([[A, B], [C, D], [E]])
    assert set(plan.companions([A])) == {A, B}
    assert set(plan.companions([C])) == {C, D}
    assert plan.companions([E]) == [E]


def test_companions_of_several_are_those_of_each_once() -> None:
    plan = Plan([[A, B], [C, D]])
    found = plan.companions([A, C, B])
    assert sorted(found, key=str) == sorted([A, B, C, D], key=str)


def test_whoever_asks_is_included_first_to_last() -> None:
    assert Plan([[A, B]]).companions([E, A]) == [E, A, B]


def test_the_same_workload_on_two_instances_is_two() -> None:
    here, there = Placed(A.workload, "g5.2xlarge"), Placed(A.workload, "g5.xlarge")
    assert Plan([[here, B], [there, C]]).companions([here]) == [here, B]


def test_a_plan_asks_nothing_of_a_relation_without_measurements() -> None:
    plan = Plan([[], [A, B]])
    assert plan.companions([]) == []
    assert plan.companions([A]) == [A, B]


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


def test_a_plan_knows_every_workload_whether_timed_or_not() -> None:
    plan = Plan([[A, B]], others=[B, C])
    assert plan.placed == {A, B, C}
    assert not plan.is_timed(C)
    assert plan.companions([C]) == [C]


def test_the_plan_of_cases_has_all_they_ask_and_joins_those_that_read_times() -> None:
    needs = [Need("one", "c", (A, B)), Need("two", "c", (C, D), timed=False), Need("three", "c", (), reason="no GPU")]
    plan = plan_of(needs)
    assert plan.placed == {A, B, C, D}
    assert [plan.is_timed(one) for one in (A, B, C, D)] == [True, True, False, False]
    assert (plan.companions([A]), plan.companions([C])) == ([A, B], [C])

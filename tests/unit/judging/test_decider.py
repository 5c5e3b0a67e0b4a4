"""Deciding: base rounds for the whole group, further rounds for the undecided relation alone, and then an end."""

from __future__ import annotations

import pytest
from builders import Scripted, measured, printed_metric, recording, reported, sampled_metric

from llm_claims.errors import EvidenceError, UsageError
from llm_claims.judging.decider import LEAST_ROUNDS, Decider, is_live
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.relations import Look, Relation, every, less, observed, ratio
from llm_claims.relations.ratio import Ratio
from llm_claims.relations.verdict import Verdict, Word
from llm_claims.sources.base import Placed
from llm_claims.sources.recorded import RecordedSource
from llm_claims.workloads.generation.workload import Generation

A, B, C = (Placed(Generation(new_tokens=n)) for n in (1, 2, 3))
CLEAR = {A: [1.0, 1.01, 0.99, 1.0, 1.0], B: [2.0, 2.01, 1.99, 2.0, 2.0], C: [3.0, 3.0, 3.0, 3.0, 3.0]}
"""B is twice A from the start."""
LATE = {**CLEAR, B: [1.01, 2.0, 0.9, 1.2, 1.1]}
"""Nothing is ever clear between A and B."""
FOURTH = {A: [1.0, 1.0, 1.0, 1.0, 1.0], B: [1.4, 1.15, 1.4, 1.3, 9.0]}
"""Clear with the fourth round; the fifth would spoil it."""
GROUP = Plan([[A, B], [B, C]])


class Watched(Relation):
    """A relation that writes down how it was looked at."""

    def __init__(self, relation: Relation) -> None:
        self._relation = relation
        self.name = relation.name
        self.looks: list[Look] = []

    @property
    def measurements(self) -> tuple:
        return self._relation.measurements

    def verdict(self, look: Look = Look()) -> Verdict:  # noqa: B008
        self.looks.append(look)
        return self._relation.verdict(look)


def latency(source: Scripted, placed: Placed):
    return Measurement(source, placed).latency_seconds


def a_less_b(source: Scripted) -> Watched:
    return Watched(less(latency(source, A), latency(source, B)))


def test_a_clear_relation_ends_after_the_base_rounds_of_its_whole_group() -> None:
    source = Scripted(CLEAR)
    verdict = Decider(5, lambda _: GROUP).decide(a_less_b(source), source)
    assert source.asked == [({A, B, C}, 3)]
    assert (verdict.word, verdict.n) == (Word.REPRODUCED, 3)


def test_an_undecided_relation_draws_further_rounds_for_itself_alone() -> None:
    source = Scripted(LATE)
    verdict = Decider(5, lambda _: GROUP).decide(a_less_b(source), source)
    assert source.asked == [({A, B, C}, 3), ({A, B}, 4), ({A, B}, 5)]
    assert (verdict.word, verdict.n) == (Word.INCONCLUSIVE, 5)


def test_drawing_stops_when_the_relation_is_decided() -> None:
    source = Scripted(FOURTH)
    verdict = Decider(5, lambda _: Plan()).decide(a_less_b(source), source)
    assert source.asked == [({A, B}, 3), ({A, B}, 4)]
    assert (verdict.word, verdict.n) == (Word.REPRODUCED, 4)


def test_drawing_stops_when_others_need_the_time() -> None:
    source = Scripted(LATE, most=4)
    verdict = Decider(5, lambda _: GROUP).decide(a_less_b(source), source)
    assert source.asked == [({A, B, C}, 3), ({A, B}, 4)]
    assert (verdict.word, verdict.n) == (Word.INCONCLUSIVE, 4)
    assert source.planned == {A, B, C}


def test_nobody_asks_for_time_who_needs_no_more_rounds() -> None:
    source = Scripted(CLEAR)
    Decider(5, lambda _: GROUP).decide(a_less_b(source), source)
    assert source.planned == set()


def test_a_contradiction_is_a_decision_too() -> None:
    source = Scripted(CLEAR)
    relation = less(latency(source, B), latency(source, A))
    assert Decider(5, lambda _: GROUP).decide(relation, source).word is Word.CONTRADICTED
    assert len(source.drawn) == 1


@pytest.mark.parametrize(
    ("most", "drawn", "n"), [(1, [1], 1), (2, [2], 2), (3, [3], 3), (4, [3, 4], 4), (5, [3, 4, 5], 5)]
)
def test_the_budget_of_rounds_is_kept(most: int, drawn: list[int], n: int) -> None:
    source = Scripted(LATE)
    relation = a_less_b(source)
    verdict = Decider(most, lambda _: Plan()).decide(relation, source)
    assert [rounds for _, rounds in source.drawn] == drawn
    assert (verdict.word, verdict.n) == (Word.INCONCLUSIVE, n)
    assert len(relation.looks) == len(drawn)


@pytest.mark.parametrize(("most", "looks"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (10, 8)])
def test_the_error_is_shared_by_every_look_that_may_come(most: int, looks: int) -> None:
    """Also when the first look decides: that there would be no other was not known."""
    source = Scripted({placed: [value] * 10 for placed, value in ((A, 1.0), (B, 2.0))})
    relation = a_less_b(source)
    Decider(most, lambda _: Plan()).decide(relation, source)
    assert all(look.confidence == pytest.approx(1 - 0.05 / looks) for look in relation.looks)
    assert relation.looks
    assert LEAST_ROUNDS == 3


def test_one_round_never_reproduces_anything() -> None:
    source = Scripted(CLEAR)
    assert Decider(1, lambda _: Plan()).decide(a_less_b(source), source).word is Word.INCONCLUSIVE


def test_two_rounds_reproduce_only_what_is_very_clear() -> None:
    for latencies, word in (((2.0, 2.01), Word.REPRODUCED), ((2.0, 3.0), Word.INCONCLUSIVE)):
        source = Scripted({A: [1.0, 1.0], B: latencies})
        assert Decider(2, lambda _: Plan()).decide(a_less_b(source), source).word is word


def test_the_documented_size_is_not_judged_on_other_hardware() -> None:
    source = Scripted(CLEAR)
    relation = ratio(latency(source, B), over=latency(source, A), documented=9.9)
    assert Decider(5, lambda _: GROUP).decide(relation, source).word is Word.REPRODUCED


def test_the_documented_size_is_judged_live_on_the_documented_hardware() -> None:
    source = Scripted(CLEAR, documented=True)
    relation = ratio(latency(source, B), over=latency(source, A), documented=9.9)
    assert Decider(5, lambda _: GROUP).decide(relation, source).word is Word.WEAKENED


def test_parts_of_a_relation_draw_together() -> None:
    source = Scripted(LATE)
    a, b, c = (latency(source, placed) for placed in (A, B, C))
    Decider(4, lambda _: Plan()).decide(every(less(a, c), less(a, b)), source)
    assert source.asked == [({A, B, C}, 3), ({A, B, C}, 4)]


def test_a_workload_that_was_measured_twice_is_drawn_once() -> None:
    source = Scripted(LATE)
    relation = every(less(latency(source, A), latency(source, C)), less(latency(source, A), latency(source, B)))
    Decider(4, lambda _: Plan()).decide(relation, source)
    assert all(len(placed) == len(set(placed)) for placed, _ in source.drawn)


def test_an_observation_uses_the_whole_budget() -> None:
    source = Scripted(CLEAR)
    relation = observed(latency(source, A), over=latency(source, B))
    assert Decider(5, lambda _: Plan()).decide(relation, source).n == 5


def test_an_error_is_not_a_verdict() -> None:
    class Broken(Scripted):
        def draw(self, placed: object, rounds: int, *, timed: bool) -> None:
            raise UsageError("the machine is on fire")

    source = Broken(CLEAR)
    with pytest.raises(UsageError, match="on fire"):
        Decider(5, lambda _: Plan()).decide(a_less_b(source), source)


def test_a_missing_metric_is_not_retried() -> None:
    source = Scripted(CLEAR)
    relation = less(Measurement(source, A).train_loss, Measurement(source, B).train_loss)
    with pytest.raises(EvidenceError, match="no metric 'train_loss'"):
        Decider(5, lambda _: Plan()).decide(relation, source)
    assert len(source.drawn) == 1


# Recordings


def recorded(documented: bool) -> RecordedSource:
    entries = [
        reported(placed.workload, latency_seconds=printed_metric("latency_seconds", value, 0.01))
        for placed, value in ((A, 1.0), (B, 2.0))
    ]
    return RecordedSource(recording(*entries, documented=documented, most_rounds=1))


@pytest.mark.parametrize(("documented", "word"), [(True, Word.WEAKENED), (False, Word.REPRODUCED)])
def test_a_recording_is_looked_at_once_at_the_full_confidence(documented: bool, word: Word) -> None:
    source = recorded(documented)
    assert not is_live(source)
    relation = Watched(Ratio("ratio", latency(source, B), latency(source, A), documented=9.9))

    def no_plan(_: object) -> Plan:
        raise AssertionError("a recording needs no plan")

    assert Decider(5, no_plan).decide(relation, source).word is word
    assert relation.looks == [Look(documented_hardware=documented)]


def test_a_recording_of_live_samples_has_their_interval() -> None:
    entries = [measured(p.workload, latency_seconds=sampled_metric("latency_seconds", *CLEAR[p][:3])) for p in (A, B)]
    source = RecordedSource(recording(*entries, name="cpu-2026"))
    verdict = Decider(5, lambda _: Plan()).decide(less(latency(source, A), latency(source, B)), source)
    assert (verdict.word, verdict.n) == (Word.REPRODUCED, 3)
    assert verdict.interval is not None
    assert verdict.interval.lower < verdict.interval.upper


def test_live_sources_are_told_from_recordings() -> None:
    assert is_live(Scripted({}))


def test_a_model_that_stands_in_has_no_documented_size_on_any_hardware() -> None:
    source = Scripted(CLEAR)
    source.documented = True
    itself, stand_in = (
        {one: Measurement(source, Placed(one.workload, stand_in=flag)) for one in (A, B)} for flag in (False, True)
    )
    words = [
        Decider(5, lambda _: Plan())
        .decide(ratio(of[B].latency_seconds, over=of[A].latency_seconds, documented=9.0), source)
        .word
        for of in (itself, stand_in)
    ]
    assert words == [Word.WEAKENED, Word.REPRODUCED]


def made_with(most_rounds: int, *, documented: bool = False) -> RecordedSource:
    entries = (
        measured(one.workload, latency_seconds=sampled_metric("latency_seconds", *CLEAR[one][:3])) for one in (A, B)
    )
    return RecordedSource(recording(*entries, documented=documented, most_rounds=most_rounds))


def of_recording(source: RecordedSource) -> Watched:
    return Watched(less(*(Measurement(source, one).latency_seconds for one in (A, B))))


@pytest.mark.parametrize(("most", "looks"), [(1, 1), (3, 1), (4, 2), (5, 3)])
def test_a_recording_is_looked_at_as_strictly_as_when_it_was_made(most: int, looks: int) -> None:
    """Whatever --rounds is now: who stopped when it was decided had several looks."""
    source = made_with(most)
    relation = of_recording(source)
    Decider(9, lambda _: Plan()).decide(relation, source)
    assert [look.confidence for look in relation.looks] == [pytest.approx(1 - 0.05 / looks)]


def test_a_stated_number_of_seeds_has_one_look_in_a_recording_too() -> None:
    source = made_with(5)
    relation = of_recording(source)
    Decider(5, lambda _: Plan()).decide(relation, source, seeds=3)
    assert [look.confidence for look in relation.looks] == [0.95]


def test_a_document_s_figures_are_looked_at_once() -> None:
    source = made_with(5, documented=True)
    relation = of_recording(source)
    Decider(5, lambda _: Plan()).decide(relation, source)
    assert [look.confidence for look in relation.looks] == [0.95]

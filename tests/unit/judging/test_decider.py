"""Deciding: base rounds for the whole group, further rounds for the undecided relation alone, and then an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from builders import Scripted, measured, printed_metric, recording, reported, sampled_metric

from llm_claims.errors import EvidenceError, UsageError
from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.decider import Decider
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.relations import Relation, equal, every, less, observed, ratio
from llm_claims.relations.base import Look
from llm_claims.relations.boundary import error_at
from llm_claims.relations.verdict import Verdict, Word
from llm_claims.sources.base import Cost, Placed, Source
from llm_claims.sources.recorded import RecordedSource
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training

R, W, C, I = Word.REPRODUCED, Word.WEAKENED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741

A, B, C3 = (Placed(Generation(new_tokens=n)) for n in (1, 2, 3))
ALL = {A, B, C3}
GROUP = Plan([[A, B], [B, C3]])
# Latencies by round: B is twice A from the start, or half of it, or never clear, or clear with the fourth round
# (the fifth would spoil it).
ONES, TWOS = [1.0, 1.01, 0.99, 1.0, 1.0], [2.0, 2.01, 1.99, 2.0, 2.0]
CLEAR = {A: ONES, B: TWOS, C3: [3.0] * 5}
SWAPPED = {**CLEAR, A: TWOS, B: ONES}
NEVER = {**CLEAR, B: [1.01, 2.0, 0.9, 1.2, 1.1]}
FOURTH = {**CLEAR, A: [1.0] * 5, B: [1.4, 1.35, 1.45, 1.4, 9.0]}


class Watched(Relation):
    """A relation that writes down how it was looked at."""

    def __init__(self, relation: Relation) -> None:
        self._relation = relation
        self.name = relation.name
        self.looks: list[Look] = []

    @property
    def reads(self) -> tuple[Any, ...]:
        return self._relation.reads

    def errors(self, *rounds: int) -> list[float]:
        """The error of each look, after so many rounds."""
        return [look.error_at(n) for look, n in zip(self.looks, rounds, strict=True)]

    def verdict(self, look: Look = Look()) -> Verdict:
        self.looks.append(look)
        return self._relation.verdict(look)


def latency(source: Source, placed: Placed) -> Any:
    return Measurement(source, placed).latency_seconds


def a_less_b(source: Source) -> Watched:
    return Watched(less(latency(source, A), latency(source, B)))


def decide(relation: Relation, source: Source, rounds: int = 5, plan: Plan | None = None, **seeds: int) -> Verdict:
    return Decider(rounds, lambda _: plan or Plan()).decide(relation, source, **seeds)


@pytest.mark.parametrize(
    ("latencies", "time", "asked", "word", "n", "planned"),
    [
        (CLEAR, 99, [(ALL, 3)], R, 3, set()),
        (SWAPPED, 99, [(ALL, 3)], C, 3, set()),
        (NEVER, 99, [(ALL, 3), ({A, B}, 4), ({A, B}, 5)], I, 5, ALL),
        (NEVER, 4, [(ALL, 3), ({A, B}, 4)], I, 4, ALL),
        (FOURTH, 99, [(ALL, 3), ({A, B}, 4)], R, 4, ALL),
    ],
    ids=["clear", "contradicted", "never clear", "others need the time", "clear with the fourth"],
)
def test_a_group_draws_the_base_rounds_and_an_undecided_relation_alone_the_further_ones(
    latencies: Any, time: int, asked: Any, word: Word, n: int, planned: set[Placed]
) -> None:
    source = Scripted(latencies, most=time)
    verdict = decide(a_less_b(source), source, plan=GROUP)
    assert (source.asked, verdict.word, verdict.n) == (asked, word, n)
    assert source.planned == planned, "whoever needs no more rounds asks for no time"


@pytest.mark.parametrize(("most", "drawn"), [(1, [1]), (2, [2]), (3, [3]), (4, [3, 4]), (5, [3, 4, 5])])
def test_the_rounds_have_an_end_and_each_look_has_its_share_of_the_error(most: int, drawn: list[int]) -> None:
    source = Scripted(NEVER)
    relation = a_less_b(source)
    verdict = decide(relation, source, most)
    assert [rounds for _, rounds in source.drawn] == drawn
    assert (verdict.word, verdict.n) == (I, most)
    shares = [error_at(number, 0.01) for number in range(len(drawn))]
    assert relation.errors(*drawn) == pytest.approx([0.01] if len(drawn) == 1 else shares)


def test_the_error_is_shared_by_looks_that_do_not_come() -> None:
    source = Scripted({A: [1.0] * 10, B: [2.0] * 10})
    relation = a_less_b(source)
    decide(relation, source, 10)
    assert relation.errors(3) == pytest.approx([0.8 * 0.3 * 0.01])


class Costly(Scripted):
    """A source that tells what rounds cost, in seconds."""

    def __init__(self, first: float, later: float) -> None:
        super().__init__({A: [1.0, 1.1] * 50, B: [1.1, 1.0] * 50, C3: [3.0] * 100})
        self._cost = Cost(first, later)

    def cost(self, placed: Sequence[Placed]) -> Cost:
        assert set(placed) == {A, B}
        return self._cost


@pytest.mark.parametrize(
    ("first", "later", "given", "drawn"),
    [
        (60, 1, None, [3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 30, 38, 48, 60, 61]),
        (6, 1, None, [3, 4, 5, 6, 7]),
        (6, 3, None, [3, 4, 5]),
        (60, 100, None, [3, 4, 5]),
        (60, 1, 3.9, [3, 4]),
        (1, 100, 450, [3, 4, 5]),
        (60, 1, 0.1, [3]),
    ],
)
def test_rounds_are_drawn_for_as_long_as_the_set_up_took_or_as_stated(
    first: float, later: float, given: float | None, drawn: list[int]
) -> None:
    """Cheap samples are repeated many times, in growing batches; dear ones five, or as long as is stated, but three."""
    source = Costly(first, later)
    decider = Decider(None, lambda _: Plan(), sampling_seconds=given)
    verdict = decider.decide(a_less_b(source), source)
    assert [rounds for _, rounds in source.drawn] == drawn
    assert (verdict.word, verdict.n) == (I, drawn[-1])


@pytest.mark.parametrize(("rounds", "n"), [(None, 5), (9, 9)])
def test_a_source_that_does_not_tell_its_cost_has_five_rounds_unless_more_are_stated(
    rounds: int | None, n: int
) -> None:
    source = Scripted({A: [1.0, 1.1] * 5, B: [1.1, 1.0] * 5})
    assert Decider(rounds, lambda _: Plan()).decide(a_less_b(source), source).n == n


# Why a live verdict stayed open

CHEAP, DEAR = (60, 1), (60, 100)


@pytest.mark.parametrize(
    ("source", "rounds", "given", "seeds", "ended"),
    [
        (
            Costly(*DEAR),
            None,
            None,
            None,
            "its sampling time ended after 5 rounds: --sampling-time SECONDS allows more",
        ),
        (Costly(*DEAR), 9, 1, None, "its sampling time ended after 3 rounds: --sampling-time SECONDS allows more"),
        (Costly(*CHEAP), 4, None, None, "it had 4 rounds, the most of this run: --rounds N allows more"),
        (Costly(*DEAR), 5, None, None, "it had 5 rounds, the most of this run: --rounds N allows more"),
        (Costly(*CHEAP), 5, None, 5, "it had 5 rounds, the most of this run: --rounds N allows more"),
        (Costly(*CHEAP), 1, None, None, "it had 1 round, the most of this run: --rounds N allows more"),
        (Scripted(NEVER), None, None, None, "it had 5 rounds, the most of this run: --rounds N allows more"),
        (Costly(*CHEAP), 4, 0.1, 5, "it had 4 rounds, the most of this run: --rounds N allows more"),
        (Costly(*CHEAP), 9, 0.1, 5, "it had 5 rounds, as many as its test states: judge(..., seeds=N) allows more"),
        (
            Scripted(NEVER, most=4),
            9,
            None,
            None,
            "its share of the time budget ended after 4 rounds: --time-budget SECONDS allows more",
        ),
    ],
)
def test_a_live_verdict_that_stays_open_says_what_ended_its_rounds(
    source: Scripted, rounds: int | None, given: float | None, seeds: int | None, ended: str
) -> None:
    verdict = Decider(rounds, lambda _: Plan(), sampling_seconds=given).decide(a_less_b(source), source, seeds)
    assert verdict.word is I
    assert verdict.reason.startswith("the ratio may be 1: ")
    assert verdict.reason.endswith(f"; {ended}")


def test_a_time_budget_that_ends_amid_the_first_rounds_is_told() -> None:
    class Cut(Scripted):
        """A source whose time ends with the second round."""

        def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
            super().draw(placed, min(rounds, 2), timed=timed)

    source = Cut(NEVER, most=2)
    reason = decide(a_less_b(source), source, seeds=3).reason
    assert reason.endswith("; its share of the time budget ended after 2 rounds: --time-budget SECONDS allows more")


def test_what_no_round_could_decide_says_nothing_of_rounds() -> None:
    source = Scripted(NEVER)
    a, b = latency(source, A), latency(source, B)
    assert decide(observed(a, over=b), source).reason.endswith("without a pass mark")
    assert decide(every(less(a, a * 2), observed(a, over=b)), source).reason.endswith("without a pass mark; 1 hold")


class Open(Relation):
    """A relation that reads one metric, and decides nothing from ``n`` values of it."""

    name = "open"

    def __init__(self, workload: Workload, metric: str, n: int) -> None:
        self._read = (Measurement(Scripted({}), Placed(workload)), metric)
        self._n = n

    @property
    def reads(self) -> tuple[Any, ...]:
        return (self._read,)

    def verdict(self, look: Look = Look()) -> Verdict:
        return Verdict(word=I, relation=self.name, n=self._n, reason="open")


@pytest.mark.parametrize(
    ("workload", "metric", "n", "more"),
    [
        (Training(), "train_loss", 5, True),
        (Training(seed=1), "train_loss", 5, False),
        (Training(), "optimizer_steps", 5, False),
        (Generation(), "latency_seconds", 5, True),
        (Generation(), "latency_seconds", 1, False),  # of a part that has one value however many rounds there are
        (Generation(), "all_time_to_first_token_seconds", 5, False),
    ],
)
def test_only_what_further_rounds_add_to_says_that_it_had_too_few(
    workload: Workload, metric: str, n: int, more: bool
) -> None:
    assert (";" in decide(Open(workload, metric, n), Scripted({})).reason) is more


def test_rounds_that_another_relation_drew_are_not_told_as_its_own() -> None:
    reason = decide(Open(Generation(), "latency_seconds", 7), Scripted({}), rounds=4).reason
    assert reason == "open; it had 4 rounds, the most of this run: --rounds N allows more"


def test_a_recording_that_stays_open_says_nothing_of_rounds() -> None:
    entries = [
        measured(one.workload, latency_seconds=sampled_metric("latency_seconds", *NEVER[one][:3])) for one in (A, B)
    ]
    source = RecordedSource(recording(*entries, most_rounds=5))
    verdict = decide(a_less_b(source), source)
    assert verdict.word is I
    assert ";" not in verdict.reason


# The spread that the source's comparisons share

MANY = {Placed(Generation(new_tokens=n)): [n * (1 + noise) for noise in (0.0, 0.011 * n, -0.007)] for n in range(1, 7)}


class Remembering(Scripted):
    """A live source that tells what it has measured."""

    def entries(self) -> list[Evidence]:
        return [self.evidence(one) for one in self._rounds]


@pytest.mark.parametrize("live", [True, False])
def test_a_verdict_says_which_spread_its_source_shares(live: bool) -> None:
    entries = [
        measured(one.workload, latency_seconds=sampled_metric("latency_seconds", *values))
        for one, values in MANY.items()
    ]
    source: Source = Remembering(MANY) if live else RecordedSource(recording(*entries, most_rounds=5))
    one, two, *_ = MANY
    relation = less(latency(source, one), latency(source, two))
    verdict = decide(relation, source, plan=Plan([list(MANY)]))
    assert (verdict.word, verdict.n) == (R, 3)
    assert "shared with 5 comparisons" in verdict.spread


# What differs from the accepted verdict


CLOSE = {A: [1.0] * 12, B: [1.2, 1.21, 1.19] * 4}
WILD = {A: [1.0] * 12, B: [1.2, 1.21, 1.19, 1.5, 1.3, 1.1, 1.2, 1.4, 1.2, 1.0, 1.3, 1.2]}


@pytest.mark.parametrize(
    ("latencies", "accepted", "rounds", "word", "n"),
    [
        (CLOSE, "reproduced", 12, R, 3),
        (CLOSE, None, 12, R, 3),
        (CLOSE, "contradicted", 12, R, 8),
        (CLOSE, "contradicted", 6, R, 6),
        (CLOSE, "contradicted", 4, I, 4),
        (WILD, "contradicted", 12, I, 12),
        (WILD, "reproduced", 12, R, 3),
    ],
    ids=[
        "the same",
        "none yet",
        "eight rounds",
        "all that there are",
        "too few",
        "never sure",
        "the same though unsure",
    ],
)
def test_what_differs_from_the_accepted_verdict_is_drawn_until_it_is_sure_for_all_cases(
    latencies: Any, accepted: str | None, rounds: int, word: Word, n: int
) -> None:
    source = Scripted(latencies)
    decider = Decider(rounds, lambda _: Plan(), cases=lambda: 500)
    verdict = decider.decide(a_less_b(source), source, accepted=accepted)
    assert (verdict.word, verdict.n) == (word, n)
    if word is I:
        assert (
            "differs from contradicted, the accepted verdict, but not surely enough: 500 live cases" in verdict.reason
        )


def test_what_nothing_varies_in_differs_at_once() -> None:
    source = Scripted(CLEAR)
    counted = [Measurement(source, one).new_tokens_per_sequence for one in (A, B)]
    with pytest.raises(EvidenceError, match="no metric"):
        Decider(9, lambda _: Plan(), cases=lambda: 500).decide(equal(*counted), source, accepted="contradicted")
    assert [rounds for _, rounds in source.drawn] == [1]


@pytest.mark.parametrize(("b", "word"), [((2.0,), I), ((2.0, 2.01), R), ((2.0, 3.0), I)])
def test_few_rounds_reproduce_only_what_is_very_clear(b: tuple[float, ...], word: Word) -> None:
    source = Scripted({A: [1.0] * len(b), B: b})
    assert decide(a_less_b(source), source, len(b)).word is word


@pytest.mark.parametrize(("documented", "stand_in", "word"), [(False, False, R), (True, False, W), (True, True, R)])
def test_the_documented_size_is_judged_on_the_documented_hardware_and_model(
    documented: bool, stand_in: bool, word: Word
) -> None:
    source = Scripted(CLEAR, documented=documented)
    a, b = (latency(source, Placed(one.workload, stand_in=stand_in)) for one in (A, B))
    assert decide(ratio(b, over=a, documented=9.9), source).word is word


def test_parts_of_a_relation_draw_together_and_each_workload_once() -> None:
    source = Scripted(NEVER)
    a = latency(source, A)
    decide(every(less(a, latency(source, C3)), less(latency(source, A), latency(source, B))), source, 4)
    assert source.asked == [(ALL, 3), (ALL, 4)]
    assert all(len(placed) == 3 for placed, _ in source.drawn)


def test_an_observation_uses_all_rounds() -> None:
    source = Scripted(CLEAR)
    assert decide(observed(latency(source, A), over=latency(source, B)), source).n == 5


def test_an_error_is_not_a_verdict() -> None:
    class Broken(Scripted):
        def draw(self, *_: object, **__: object) -> None:
            raise UsageError("the machine is on fire")

    source = Broken(CLEAR)
    with pytest.raises(UsageError, match="on fire"):
        decide(a_less_b(source), source)


@pytest.mark.parametrize(("metric", "rounds"), [("throughput_prompts_per_second", 3), ("new_tokens_per_sequence", 1)])
def test_a_missing_metric_is_not_retried_and_a_count_needs_one_round(metric: str, rounds: int) -> None:
    source = Scripted(CLEAR)
    with pytest.raises(EvidenceError, match=f"no metric '{metric}'"):
        decide(equal(getattr(Measurement(source, A), metric), 4), source)
    assert source.drawn == [([A], rounds)]


@pytest.mark.parametrize("live", [True, False])
def test_a_stated_number_of_seeds_has_one_look(live: bool) -> None:
    source = Scripted(CLEAR) if live else made_with(5)
    relation = a_less_b(source)
    assert decide(relation, source, seeds=3).n == 3
    assert relation.errors(3) == pytest.approx([0.01])


def test_the_most_rounds_of_a_run_cap_its_seeds() -> None:
    source = Scripted(CLEAR)
    assert decide(a_less_b(source), source, rounds=4, seeds=8).n == 4


# Recordings


@pytest.mark.parametrize(("documented", "word"), [(True, W), (False, R)])
def test_a_recording_is_looked_at_once_without_a_plan(documented: bool, word: Word) -> None:
    entries = [
        reported(placed.workload, latency_seconds=printed_metric("latency_seconds", value, 0.01))
        for placed, value in ((A, 1.0), (B, 2.0))
    ]
    source = RecordedSource(recording(*entries, documented=documented, most_rounds=1))
    relation = Watched(ratio(latency(source, B), over=latency(source, A), documented=9.9))

    def no_plan(_: object) -> Plan:
        raise AssertionError("a recording needs no plan")

    assert Decider(5, no_plan).decide(relation, source).word is word
    (look,) = relation.looks
    assert (look.documented_hardware, look.sequential, look.confidence) == (documented, False, 0.99)


def made_with(most_rounds: int, *, documented: bool = False) -> RecordedSource:
    entries = (
        measured(one.workload, latency_seconds=sampled_metric("latency_seconds", *CLEAR[one][:3])) for one in (A, B)
    )
    return RecordedSource(recording(*entries, documented=documented, most_rounds=most_rounds))


@pytest.mark.parametrize(
    ("most", "documented", "error"),
    [(1, False, 0.01), (3, False, 0.01), (4, False, 0.0024), (5, False, 0.0024), (5, True, 0.01)],
)
def test_a_recording_is_looked_at_as_strictly_as_when_it_was_made(most: int, documented: bool, error: float) -> None:
    """Whatever --rounds is now: who stopped when it was decided had several looks. A document's figures have one."""
    source = made_with(most, documented=documented)
    relation = a_less_b(source)
    verdict = decide(relation, source, 9)
    assert relation.errors(3) == pytest.approx([error])
    assert (verdict.word, verdict.n) == (R, 3)
    assert verdict.interval is not None
    assert verdict.interval.lower < verdict.interval.upper

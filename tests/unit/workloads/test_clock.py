"""The clock of a program: phases that follow each other, told in the answer."""

from __future__ import annotations

import os

import pytest

from llm_claims.workloads import clock as module
from llm_claims.workloads import program
from llm_claims.workloads.clock import Clock
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.processes.fork import Fork, ForkChannel
from llm_claims.workloads.protocol import Answer, Request, Spent, read_answer

REQUEST = Request(workload=Generation(input_tokens=10), round=1, seed=7)
SAID = Spent(setup_seconds=3.0, compiling_seconds=2.0, measuring_seconds=5.0)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets; what other tests left of the clock of this process is forgotten."""
    module.clock.stop()
    now = [100.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    return now


def spend(clock: Clock, time: list[float], *phases: tuple[module.Phase, float]) -> None:
    for phase, seconds in phases:
        clock.begin(phase)
        time[0] += seconds


def test_a_phase_lasts_until_the_next_and_what_comes_first_is_set_up(time: list[float]) -> None:
    clock = Clock()
    clock.start()
    time[0] += 1.0
    spend(clock, time, ("compiling", 2.0), ("setup", 2.0), ("measuring", 4.0), ("rest", 9.0), ("measuring", 1.0))
    assert clock.stop() == SAID
    time[0] += 50.0
    clock.start()
    spend(clock, time, ("measuring", 1.0))
    assert clock.stop() == Spent(measuring_seconds=1.0)


def test_who_begins_no_phase_tells_nothing(time: list[float]) -> None:
    clock = Clock()
    clock.start()
    time[0] += 1.0
    assert clock.stop() is None
    assert clock.told(Answer()) == Answer()


def test_what_a_rank_told_is_kept(time: list[float]) -> None:
    clock = Clock()
    clock.start()
    spend(clock, time, ("measuring", 1.0))
    assert clock.told(Answer(spent=SAID)).spent == SAID


def test_a_rank_counts_from_when_its_parent_was_asked(time: list[float]) -> None:
    clock = Clock()
    clock.start()
    time[0] += 3.0

    def rank(channel: ForkChannel) -> None:
        for _ in range(2):
            clock.start()  # the first time it goes on already
            spend(clock, time, ("measuring", 1.0))
            channel.send(clock.told(Answer()).model_dump()["spent"])

    fork = Fork(rank, dict(os.environ), True)
    try:
        assert Spent(**fork.receive()) == Spent(setup_seconds=3.0, measuring_seconds=1.0)
        assert Spent(**fork.receive()) == Spent(measuring_seconds=1.0)
    finally:
        fork.end()


def test_an_answer_tells_what_its_run_began(time: list[float]) -> None:
    def run(request: Request) -> Answer:
        time[0] += 3.0
        spend(module.clock, time, ("compiling", 2.0), ("measuring", 5.0), ("rest", 1.0))
        return Answer()

    said = program.answer(run, REQUEST.model_dump_json())
    assert said.spent == SAID
    assert read_answer(said.model_dump_json(), Generation) == said


def test_a_run_that_fails_tells_what_it_spent_until_then(time: list[float]) -> None:
    def run(request: Request) -> Answer:
        spend(module.clock, time, ("compiling", 2.0))
        raise RuntimeError("no kernel")

    said = program.answer(run, REQUEST.model_dump_json())
    assert (said.outcome.kind, said.spent) == ("failed", Spent(compiling_seconds=2.0))


def test_programs_of_other_people_need_not_tell() -> None:
    assert read_answer('{"metrics": {"latency_seconds": 1.5}}', Generation).spent is None

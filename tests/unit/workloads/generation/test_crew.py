"""A crew: processes that answer together, and end together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from llm_claims.workloads.generation.crew import Crew, CrewError
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.generation.workload import GenerationWitness as Witness
from llm_claims.workloads.protocol import Answer, Request

REQUEST = Request(workload=Generation(), round=1, seed=7)


def said(device: str) -> str:
    return Answer(witness=Witness(device=device)).model_dump_json()


@pytest.fixture
def crew() -> Iterator[Callable[[Callable[[str], str], int], Crew]]:
    made: list[Crew] = []

    def make(answer: Callable[[str], str], degree: int) -> Crew:
        made.append(Crew(lambda: answer, degree))
        return made[-1]

    yield make
    for one in made:
        one.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_each_process_knows_its_rank_and_the_first_one_s_answer_counts(crew: Callable[..., Crew]) -> None:
    ranks = crew(lambda _: said(os.environ["WORLD_SIZE"]), 3)
    assert ranks.ask(REQUEST).witness == Witness(device="3")
    assert ranks.ask(REQUEST).witness == Witness(device="3")  # it stands for the next request


def test_processes_that_saw_different_runs_are_told(crew: Callable[..., Crew]) -> None:
    with pytest.raises(CrewError, match="ranks 0 and 1 saw different runs"):
        crew(lambda _: said(os.environ["RANK"]), 2).ask(REQUEST)


def test_a_death_is_told_at_once_and_ends_all(crew: Callable[..., Crew]) -> None:
    def die_as_second(_: str) -> str:
        if os.environ["RANK"] == "1":
            os._exit(3)
        import time

        time.sleep(60)
        return ""

    ranks = crew(die_as_second, 2)
    pids = [process.pid for process in ranks._processes]
    with pytest.raises(CrewError, match="a serving process ended, exit status of rank 1: 3"):
        ranks.ask(REQUEST)
    assert all(gone(pid) for pid in pids if pid is not None)

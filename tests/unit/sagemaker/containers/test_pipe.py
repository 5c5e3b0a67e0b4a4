from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_claims.sagemaker.containers import pipe as pipes
from llm_claims.sagemaker.containers.pipe import Pipe, ProgramEnded
from llm_claims.sagemaker.containers.service import Service

PROGRAM = """
import json, os, signal, sys
print(json.dumps({"hardware": "a machine", "software": {}, "setup_seconds": 0, "pid": os.getpid()}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["round"] == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    if request["round"] == 8:
        sys.exit(3)
    print(json.dumps({"metrics": {"pid": os.getpid()}}), flush=True)
"""


def request(number: int, kind: str = "generation") -> dict[str, object]:
    return {"workload": {"kind": kind}, "round": number, "seed": 1}


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    one = Pipe([sys.executable, "-c", PROGRAM], {"PATH": "/usr/bin"}, str(tmp_path))
    yield one
    one.close()


def test_one_process_answers_all_requests(pipe: Pipe) -> None:
    pid = pipe.ready()["pid"]
    assert [pipe.ask(request(number)) for number in (1, 2)] == [{"metrics": {"pid": pid}}] * 2


def test_each_loading_has_a_fresh_process(pipe: Pipe) -> None:
    first, second = (pipe.ask(request(number, "loading"))["metrics"]["pid"] for number in (1, 2))
    assert first != second
    assert pipe.ask(request(3))["metrics"]["pid"] == second, "what is loaded may serve"


def test_a_program_that_died_tells_how_and_another_takes_its_place(pipe: Pipe) -> None:
    with pytest.raises(ProgramEnded) as ended:
        pipe.ask(request(8))
    assert ended.value.answer["outcome"] == {
        "kind": "failed",
        "signature": "the program died while it ran a request: exit status 3",
    }
    assert pipe.ask(request(1))["metrics"]["pid"] == pipe.ready()["pid"]


@pytest.mark.parametrize(("counted", "kind"), [(0, "failed"), (1, "out_of_memory")])
def test_a_kill_is_for_want_of_memory_only_if_the_kernel_counted_one(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch, counted: int, kind: str
) -> None:
    counts = iter([5, 5 + counted])
    monkeypatch.setattr(pipes, "kills_for_memory", lambda: next(counts))
    with pytest.raises(ProgramEnded) as ended:
        pipe.ask(request(9))
    outcome = ended.value.answer["outcome"]
    assert outcome["kind"] == kind
    assert "killed by SIGKILL" in outcome["signature"]
    assert ended.value.answer["witness"] == {"model_server": False}


def test_a_service_says_asks_and_collects(pipe: Pipe) -> None:
    service = Service(pipe)
    assert service.answer({"say": "ready"})["ready"]["hardware"] == "a machine"
    assert "metrics" in service.answer({"ask": request(1)})["answer"]
    assert service.answer({"begin": request(2)}) == {"begun": 2}
    told = service.answer({"collect": 2})
    while told == {"running": True}:
        told = service.answer({"collect": 2})
    assert "metrics" in told["answer"]
    assert service.answer({"collect": 3}) == {"fault": "this round was not begun"}
    assert "this one has nothing" in service.answer({})["fault"]


def test_a_service_answers_for_a_program_that_died(pipe: Pipe) -> None:
    assert Service(pipe).answer({"ask": request(8)})["answer"]["outcome"]["kind"] == "failed"

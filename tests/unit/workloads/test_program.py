"""The program's end of the protocol: a clean channel, and an answer whatever happens."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from scripts import is_so

from llm_claims.workloads import program
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.loading.workload import Loading, LoadingWitness
from llm_claims.workloads.outcome import MultilineError, Outcome
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer

REQUEST = Request(workload=Generation(input_tokens=10), round=1, seed=7)
LINE = REQUEST.model_dump_json()

NOISY_PROGRAM = """
import os, subprocess, sys
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.program import serve_prepared
from llm_claims.workloads.protocol import Answer

def set_up():
    print("a banner")
    os.write(1, b"from native code\\n")
    assert sys.stdin.read() == "", "the requests must not be there for a library to read"
    def run(request):
        print("more noise", flush=True)
        subprocess.run(["echo", "from a descendant"], check=True)
        return Answer(metrics={"latency_seconds": request.seed})
    return run

raise SystemExit(serve_prepared(Generation, set_up, ["pydantic"]))
"""


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch names its own."""


class Detailed(MultilineError):
    """Named as nobody else."""


def failing(error: Exception) -> program.Runner:
    def run(request: Request) -> Answer:
        raise error

    return run


def test_noise_goes_to_standard_error_and_the_program_ends_with_its_input(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    path.write_text(NOISY_PROGRAM)
    done = subprocess.run(
        [sys.executable, path], input=f"{LINE}\nrubbish\n{LINE}\n", capture_output=True, text=True, timeout=60
    )
    ready, first, refused, last = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert set(Ready.model_validate_json(ready).software) == {"python", "pydantic"}
    assert (
        Answer.model_validate_json(first) == Answer.model_validate_json(last) == Answer(metrics={"latency_seconds": 7})
    )
    assert Answer.model_validate_json(refused).outcome.kind == "failed"
    for noise in ("a banner", "from native code", "more noise", "from a descendant"):
        assert noise in done.stderr


@pytest.mark.parametrize(
    ("error", "kind", "signature"),
    [
        (MemoryError(), "out_of_memory", "MemoryError"),
        (OutOfMemoryError("CUDA out of memory.\nTried"), "out_of_memory", "OutOfMemoryError: CUDA out of memory."),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"),
            "out_of_memory",
            "RuntimeError: [enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory",
        ),
        (RuntimeError("shapes differ"), "failed", "RuntimeError: shapes differ"),
        (ValueError("DefaultCPUAllocator is no setting"), "failed", "ValueError: DefaultCPUAllocator is no setting"),
        (KeyError(), "failed", "KeyError"),
        (Detailed("rank 1: it fails\n    in words\n"), "failed", "Detailed: rank 1: it fails\n    in words"),
        (Detailed("it fails\nnot enough memory"), "failed", "Detailed: it fails\nnot enough memory"),
    ],
)
def test_an_error_is_an_outcome_with_a_signature(error: Exception, kind: str, signature: str) -> None:
    outcome = program.answer(failing(error), LINE).outcome
    assert (outcome.kind, outcome.signature) == (kind, signature)


def test_what_the_program_cannot_run_is_said_apart_from_failures() -> None:
    said = program.answer(failing(program.UnsupportedWorkload("no such engine")), LINE)
    assert (said.unsupported, said.outcome.kind) == ("no such engine", "failed")
    assert program.answer(failing(ValueError("no such engine")), LINE).unsupported is None


@pytest.mark.parametrize("line", ["", "hello", "[]", '{"round": 1}', LINE.replace('"round":1', '"round":0')])
def test_a_line_that_is_no_request_is_answered_so(line: str) -> None:
    outcome = program.answer(failing(AssertionError("never run")), line).outcome
    assert outcome.kind == "failed"
    assert outcome.signature is not None
    assert outcome.signature.startswith("not a request: ")


@pytest.mark.parametrize("value", [math.nan, (1.0, math.inf)])
def test_a_measurement_that_is_not_a_number_is_a_failure(value: float | tuple[float, ...]) -> None:
    def run(request: Request) -> Answer:
        return Answer(metrics={"latency_seconds": 1.0, "step_losses": value})

    outcome = program.answer(run, LINE).outcome
    assert outcome.kind == "failed"
    assert outcome.signature == "ValidationError: metrics.step_losses: Input should be a finite number"


OWN = """
import sys
from llm_claims import Answer, Metric, Workload, serve

class Counting(Workload):
    elements: int | None = None
    class Witness(Workload.Witness):
        elements: int
    metrics = {"sum": Metric(unit="1")}

def run(workload: Counting, seed: int) -> Answer:
    return Answer(metrics={"sum": workload.elements + seed}, witness=Counting.Witness(elements=workload.elements))

raise SystemExit(serve(run, packages=["numpy"]))
"""


def test_a_users_program_serves_a_kind_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(OWN)
    line = '{"workload": {"kind": "counting", "elements": 40}, "round": 1, "seed": 2}\n'
    done = subprocess.run(
        [sys.executable, tmp_path / "counting.py"], input=line, capture_output=True, text=True, timeout=60
    )
    ready, answer = done.stdout.splitlines()
    assert set(Ready.model_validate_json(ready).software) == {"python", "numpy"}
    assert json.loads(answer)["metrics"] == {"sum": 42}
    assert json.loads(answer)["witness"]["elements"] == 40


def test_a_witness_is_read_as_that_of_the_kind_that_was_asked() -> None:
    said = Answer(outcome=Outcome(kind="failed", signature="it broke"), witness=LoadingWitness(model_server=True))
    line = said.model_dump_json(exclude_none=True)
    assert read_answer(line, Loading) == said
    with pytest.raises(ValidationError, match="model_server"):
        read_answer(line, Generation)
    assert read_answer('{"witness": {"calls": 3}}', Generation).witness == GenerationWitness(calls=3)


PROGRAM = """
import sys, time
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.program import serve_prepared

def set_up():
    open(sys.argv[1], "w").close()
    {set_up}
    def run(request):
        open(sys.argv[2], "w").close()
        while True:
            sum(range(1000))
    return run

raise SystemExit(serve_prepared(Generation, set_up, []))
"""
CALLER = """
import subprocess, sys, time
program = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, start_new_session=True)
program.stdin.write(sys.argv[1].encode() + b"\\n")
program.stdin.flush()
print(program.pid, flush=True)
time.sleep(60)
"""


def called(folder: Path, set_up: str = "pass") -> tuple[subprocess.Popen[str], int]:
    """A caller with a program that works on its request for ever; it says ``set-up`` and ``asked`` by files."""
    (folder / "caller.py").write_text(CALLER)
    (folder / "program.py").write_text(PROGRAM.format(set_up=set_up))
    called = [sys.executable, str(folder / "program.py"), str(folder / "set-up"), str(folder / "asked")]
    command = [sys.executable, str(folder / "caller.py"), LINE, *called]
    caller = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    return caller, int(caller.stdout.readline())


@pytest.mark.parametrize(("moment", "set_up"), [("set-up", "time.sleep(60)"), ("asked", "pass")])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_program_whose_caller_is_killed_ends_at_once(
    tmp_path: Path, moment: str, set_up: str, number: signal.Signals
) -> None:
    caller, pid = called(tmp_path, set_up)
    assert is_so((tmp_path / moment).exists)
    os.kill(caller.pid if number == signal.SIGKILL else pid, number)  # whoever is interrupted itself ends as well
    assert is_so(lambda: has_ended(pid))
    caller.kill()
    caller.communicate(timeout=10)


def test_a_program_whose_caller_is_gone_before_it_starts_is_not_even_set_up(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.format(set_up="pass"))
    command = [sys.executable, *(str(tmp_path / name) for name in ("program.py", "set-up", "asked"))]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "set-up").exists()


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True

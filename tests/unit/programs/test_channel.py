"""The program's end of the protocol: a clean channel, and an answer whatever happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llm_claims.programs import channel
from llm_claims.programs.protocol import Answer, Ready, Request
from llm_claims.workloads import Generation

REQUEST = Request(workload=Generation(input_tokens=10), round=1, seed=7)
LINE = REQUEST.model_dump_json()

NOISY_PROGRAM = """
import os, subprocess, sys
from llm_claims.programs.channel import serve
from llm_claims.programs.protocol import Answer

def set_up():
    print("a banner")
    os.write(1, b"from native code\\n")
    assert sys.stdin.read() == "", "the requests must not be there for a library to read"
    def run(request):
        print("more noise", flush=True)
        subprocess.run(["echo", "from a descendant"], check=True)
        return Answer(metrics={"latency_seconds": request.seed})
    return run

raise SystemExit(serve(set_up, ["pydantic"]))
"""


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch names its own."""


def failing(error: Exception) -> channel.Runner:
    def run(request: Request) -> Answer:
        raise error

    return run


def test_noise_goes_to_standard_error_and_the_program_ends_with_its_input(tmp_path: Path) -> None:
    program = tmp_path / "noisy.py"
    program.write_text(NOISY_PROGRAM)
    done = subprocess.run(
        [sys.executable, program], input=f"{LINE}\nrubbish\n{LINE}\n", capture_output=True, text=True, timeout=60
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
    ],
)
def test_an_error_is_an_outcome_with_a_signature_of_one_line(error: Exception, kind: str, signature: str) -> None:
    outcome = channel.answer(failing(error), LINE).outcome
    assert (outcome.kind, outcome.signature) == (kind, signature)


@pytest.mark.parametrize("line", ["", "hello", "[]", '{"round": 1}', LINE.replace('"round":1', '"round":0')])
def test_a_line_that_is_no_request_is_answered_so(line: str) -> None:
    outcome = channel.answer(failing(AssertionError("never run")), line).outcome
    assert outcome.kind == "failed"
    assert outcome.signature is not None
    assert outcome.signature.startswith("not a request: ")


def test_a_measurement_that_is_not_a_number_is_a_failure() -> None:
    def run(request: Request) -> Answer:
        return Answer(metrics={"latency_seconds": float("nan")})

    outcome = channel.answer(run, LINE).outcome
    assert outcome.kind == "failed"
    assert outcome.signature == "ValidationError: metrics.latency_seconds: Input should be a finite number"


def test_the_hardware_is_named_with_its_cores() -> None:
    name, _, cores = channel.hardware().rpartition(", ")
    assert name.strip()
    assert int(cores.split()[0]) >= 1

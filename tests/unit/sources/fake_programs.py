"""Small programs for the tests of processes, and what the tests want to know of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from llm_claims.errors import ProgramError
from llm_claims.sources.process import ProgramProcess
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.protocol import Request

Program = Callable[..., ProgramProcess]

REQUEST = Request(workload=Generation(input_tokens=10, new_tokens=5), round=1, seed=7)

PRELUDE = """
import os, signal, subprocess, sys, time
def say(text):
    print(text, flush=True)
def complain(text):
    print(text, file=sys.stderr, flush=True)
READY = '{"hardware": "a desk, 1 core", "software": {"python": "3"}, "setup_seconds": 0.5}'
ANSWER = '{"metrics": {"latency_seconds": 1.5}}'
"""
GOOD = """
say(READY)
for line in sys.stdin:
    say(ANSWER)
"""


def fault_of(process: ProgramProcess, timeout_seconds: float = 30) -> str:
    """Have the process asked, and return its fault; nothing of it may be left then."""
    with pytest.raises(ProgramError) as caught:
        process.ask(REQUEST, timeout_seconds)
    assert process.pid is None
    return str(caught.value)


def is_gone(pid: int) -> bool:
    """Whether the process ends within some seconds; one that only waits to be reaped has ended."""
    deadline = monotonic() + 5
    while monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except ProcessLookupError:
            return True
        except FileNotFoundError:  # no /proc on this system, or gone since
            pass
        sleep(0.02)
    return False


def pid_in(path: Path) -> int:
    deadline = monotonic() + 30
    while not (path.exists() and path.read_text().strip()):
        assert monotonic() < deadline, f"{path} was never written"
        sleep(0.02)
    return int(path.read_text())

"""Small programs for the tests of processes, and what the tests want to know of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scripts import is_so, lives

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
    pid = process.pid
    with pytest.raises(ProgramError) as caught:
        process.ask(REQUEST, timeout_seconds)
    assert process.pid is None
    assert pid is None or not lives(pid)
    return str(caught.value)


def pid_in(path: Path) -> int:
    """The id that a program has written to a file."""
    assert is_so(lambda: path.exists() and path.read_text().strip(), 30), f"{path} was never written"
    return int(path.read_text())

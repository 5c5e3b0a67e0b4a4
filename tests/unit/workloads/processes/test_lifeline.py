"""A process ends with the one that started it, and not with the thread that did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest
from scripts import Start, heard, is_so, lives

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")

PRELUDE = """
import os, signal, subprocess, sys, threading, time
from llm_claims.workloads.processes.lifeline import die_with_caller, die_with_parent
def say(*words):
    print(*words, flush=True)
"""
WORKING = """
die_with_caller()
say(os.getpid())
while True:
    sum(range(1000))
"""
WAITING = """
die_with_caller()
say(os.getpid())
while True:
    time.sleep(60)
"""
CALLER = """
def start():
    subprocess.Popen([sys.executable, sys.argv[1]])
"""


@pytest.fixture
def program_of(start: Start, tmp_path: Path) -> Callable[..., tuple[subprocess.Popen[str], int]]:
    """Start a caller, and a program that it starts; return the caller, and the id that the program prints."""

    def run(caller: str, program: str = "") -> tuple[subprocess.Popen[str], int]:
        (tmp_path / "program.py").write_text(PRELUDE + program)
        process = start(PRELUDE + caller, str(tmp_path / "program.py"))
        return process, int(heard(process))

    return run


FORK = """
parent = os.getpid()
if os.fork() == 0:
    die_with_parent(parent)
    say(os.getpid())
    time.sleep(60)
time.sleep(60)
"""


Caller = Callable[..., tuple[subprocess.Popen[str], int]]


def test_a_fork_dies_with_its_parent(program_of: Caller) -> None:
    parent, fork = program_of(FORK)
    parent.kill()
    assert is_so(lambda: not lives(fork))


def test_a_fork_whose_parent_was_gone_before_ends_too(program_of: Caller) -> None:
    late = FORK.replace("    die_with", "    say(os.getpid())\n    time.sleep(0.3)\n    die_with", 1)
    parent, fork = program_of(late)
    parent.kill()
    parent.wait()
    assert is_so(lambda: not lives(fork))


@pytest.mark.parametrize("program", [WORKING, WAITING], ids=["works", "waits"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_ends_with_its_caller(program_of: Caller, program: str, number: signal.Signals) -> None:
    caller, pid = program_of(f"{CALLER}start(); time.sleep(60)", program)
    caller.send_signal(number)
    assert is_so(lambda: not lives(pid))


def test_a_program_outlives_the_thread_that_started_it(program_of: Caller) -> None:
    thread = "thread = threading.Thread(target=start)\nthread.start(); thread.join(); time.sleep(60)"
    caller, pid = program_of(CALLER + thread, WAITING)
    sleep(0.3)
    assert lives(pid)
    caller.kill()
    assert is_so(lambda: not lives(pid))


def test_a_signal_from_elsewhere_is_looked_into(program_of: Caller) -> None:
    _, pid = program_of(f"{CALLER}start(); time.sleep(60)", WAITING)
    os.kill(pid, signal.SIGHUP)
    sleep(0.1)
    assert lives(pid)

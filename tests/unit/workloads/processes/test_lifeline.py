"""A process ends with the one that started it, and not with the thread that did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep

import pytest
from warm import is_so

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
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(code: str, program: str = "") -> subprocess.Popen[str]:
        paths = [tmp_path / name for name in ("code.py", "program.py")]
        for path, text in zip(paths, (code, program), strict=True):
            path.write_text(PRELUDE + text)
        command = [sys.executable, *map(str, paths)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.communicate(timeout=10)  # the end of output: whoever had it is gone


def pid_from(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


FORK = """
parent = os.getpid()
if os.fork() == 0:
    die_with_parent(parent)
    say(os.getpid())
    time.sleep(60)
time.sleep(60)
"""


def test_a_fork_dies_with_its_parent(start: Callable[..., subprocess.Popen[str]]) -> None:
    parent = start(FORK)
    fork = pid_from(parent)
    parent.kill()
    assert is_so(lambda: not lives(fork))


def test_a_fork_whose_parent_was_gone_before_ends_too(start: Callable[..., subprocess.Popen[str]]) -> None:
    late = FORK.replace("    die_with", "    say(os.getpid())\n    time.sleep(0.3)\n    die_with", 1)
    parent = start(late)
    fork = pid_from(parent)
    parent.kill()
    parent.wait()
    assert is_so(lambda: not lives(fork))


@pytest.mark.parametrize("program", [WORKING, WAITING], ids=["works", "waits"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_ends_with_its_caller(
    start: Callable[..., subprocess.Popen[str]], program: str, number: signal.Signals
) -> None:
    caller = start(f"{CALLER}start(); time.sleep(60)", program)
    pid = pid_from(caller)
    caller.send_signal(number)
    assert is_so(lambda: not lives(pid))


def test_a_program_outlives_the_thread_that_started_it(start: Callable[..., subprocess.Popen[str]]) -> None:
    caller = start(
        f"{CALLER}thread = threading.Thread(target=start)\nthread.start(); thread.join(); time.sleep(60)", WAITING
    )
    pid = pid_from(caller)
    sleep(0.3)
    assert lives(pid)
    caller.kill()
    assert is_so(lambda: not lives(pid))


def test_a_signal_from_elsewhere_is_looked_into(start: Callable[..., subprocess.Popen[str]]) -> None:
    caller = start(f"{CALLER}start(); time.sleep(60)", WAITING)
    pid = pid_from(caller)
    os.kill(pid, signal.SIGHUP)
    sleep(0.1)
    assert lives(pid)

"""Whatever ends a program, or its caller, nothing is left running."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from fake_programs import GOOD, PRELUDE, REQUEST, Program, fault_of, pid_in
from scripts import is_so, lives

from llm_claims.workloads.processes.process import Command


def assert_gone(pid: int) -> None:
    assert is_so(lambda: not lives(pid))


GRANDCHILD = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
open({path!r}, "w").write(str(child.pid))
"""


@pytest.mark.parametrize("grace_seconds", [0, 10])
def test_close_leaves_no_descendant(program: Program, tmp_path: Path, grace_seconds: float) -> None:
    process = program(GRANDCHILD.format(path=str(tmp_path / "pid")) + GOOD)
    process.ask(REQUEST, 30)
    process.close(grace_seconds)
    assert_gone(pid_in(tmp_path / "pid"))


def test_a_hung_program_takes_its_descendants_along(program: Program, tmp_path: Path) -> None:
    process = program(GRANDCHILD.format(path=str(tmp_path / "pid")) + "say(READY); time.sleep(60)")
    assert "hung" in fault_of(process, timeout_seconds=1)
    assert_gone(pid_in(tmp_path / "pid"))


def test_death_is_seen_though_a_descendant_holds_the_pipe_open(program: Program, tmp_path: Path) -> None:
    process = program(GRANDCHILD.format(path=str(tmp_path / "pid")) + "say(READY); sys.stdin.readline(); sys.exit(7)")
    start = monotonic()
    assert "exit status 7" in fault_of(process, timeout_seconds=60)
    assert monotonic() - start < 30
    assert_gone(pid_in(tmp_path / "pid"))


def test_a_program_that_ignores_its_input_and_sigterm_is_killed(program: Program) -> None:
    process = program("signal.signal(signal.SIGTERM, signal.SIG_IGN); say(READY)\nwhile True: time.sleep(1)")
    process.start()
    pid = process.pid
    assert pid is not None
    process.close(grace_seconds=0.3)
    assert_gone(pid)


def test_an_interrupt_leaves_nothing_behind(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    process = program(GOOD)
    process.start()
    pid = process.pid
    assert pid is not None

    def interrupted(self: Command, timeout_seconds: float) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Command, "read_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        process.ask(REQUEST, 30)
    assert process.pid is None
    assert_gone(pid)


PARENT = """
import os, sys, time
from llm_claims.sources.process import ProgramProcess

process = ProgramProcess([sys.executable, sys.argv[1]])
process.start()
open(sys.argv[2], "w").write(str(process.pid))
{end}
"""


def parent_of_a_program(tmp_path: Path, end: str) -> subprocess.Popen[bytes]:
    (tmp_path / "good.py").write_text(PRELUDE + GOOD)
    (tmp_path / "parent.py").write_text(PARENT.format(end=end))
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "good.py"), str(tmp_path / "pid")]
    return subprocess.Popen(command)


def test_a_caller_that_forgets_to_close_leaves_nothing_behind(tmp_path: Path) -> None:
    assert parent_of_a_program(tmp_path, end="").wait(60) == 0
    assert_gone(pid_in(tmp_path / "pid"))


def test_a_caller_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    parent = parent_of_a_program(tmp_path, end="time.sleep(60)")
    pid = pid_in(tmp_path / "pid")
    parent.send_signal(signal.SIGKILL)
    parent.wait(60)
    assert_gone(pid)


def test_a_fork_of_the_caller_does_not_end_the_program(tmp_path: Path) -> None:
    end = """
if os.fork() == 0:
    sys.exit()  # runs what is registered for the end of the process
os.wait()
from llm_claims.workloads.protocol import Request
from llm_claims.workloads.generation.workload import Generation
process.ask(Request(workload=Generation(), round=1, seed=1), 30)
"""
    assert parent_of_a_program(tmp_path, end).wait(60) == 0

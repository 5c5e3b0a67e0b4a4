"""Scripts in processes of their own, and what the tests want to know of processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil

Start = Callable[..., subprocess.Popen[str]]
"""Runs the text of a script, with arguments; what it prints can be read, and what it reads be written."""


def is_so(question: Callable[[], object], seconds: float = 10) -> bool:
    """Whether the question is answered with yes within some seconds."""
    deadline = monotonic() + seconds
    while not (answer := question()) and monotonic() < deadline:
        sleep(0.01)
    return bool(answer)


def lives(pid: int) -> bool:
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def heard(process: subprocess.Popen[str]) -> str:
    """The next line that a script prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """All lines that a script prints; it has to end well."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return said.splitlines()


def starting(folder: Path) -> Iterator[Start]:
    """Start scripts that are kept in ``folder``, each in a group of its own; in the end they are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        script = folder / f"script{len(started)}.py"
        script.write_text(code)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [sys.executable, str(script), *arguments]
        started.append(subprocess.Popen(command, **pipes, text=True, start_new_session=True))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate(timeout=10)  # the end of output: whoever had it is gone

"""Runs one command, and ends it and all it started when standard input ends: when the emulator dies, however it dies.

A script of its own: `python guard.py COMMAND ...`. On standard input, T asks the command to end (SIGTERM); K ends it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def _children() -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found


def _end_all() -> None:
    """Kill every child, and the orphans of each, which become children of this process, until none is left."""
    while pids := _children():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


def _watch(child: subprocess.Popen[bytes]) -> None:
    """Wait until the command has ended, or is to be killed."""
    ended = os.pidfd_open(child.pid)
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            return
        order = os.read(0, 1)
        if order == b"T":
            os.killpg(child.pid, signal.SIGTERM)
        else:
            return


def main(command: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_default_signals)
    _watch(child)
    code = child.poll()
    _end_all()
    if code is None:
        return 128 + signal.SIGKILL
    return code if code >= 0 else 128 - code


def _default_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

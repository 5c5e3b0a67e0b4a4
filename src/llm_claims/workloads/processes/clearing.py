"""The janitor's process: wait until the owner ends, then remove the folders and cgroups that it registered.

It is run by its path and without the package, so that it starts in milliseconds and takes a few megabytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

PATIENCE_SECONDS = 10.0

_LOOK_SECONDS = 0.01


def clear_cgroup(path: str | Path) -> bool:
    """Kill the processes in a cgroup and remove it; return whether it is gone."""
    for _ in _attempts():
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
                members = [int(line) for line in file]
            for member in members:
                if member > 0:  # 0 is a process outside this PID namespace
                    os.kill(member, signal.SIGKILL)
        # Killed processes stay in the cgroup until they have ended, and rmdir fails until then.
        with contextlib.suppress(OSError):
            os.rmdir(path)
        if not os.path.exists(path):
            return True
    return False


def clear_folder(path: str | Path) -> bool:
    """Remove a folder and its contents; return whether it is gone."""
    for _ in _attempts():
        # A process that is being killed may still write into it, so it may take several attempts.
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            return True
    return False


def _attempts() -> Iterator[None]:
    deadline = monotonic() + PATIENCE_SECONDS
    yield
    while monotonic() < deadline:
        sleep(_LOOK_SECONDS)
        yield


def orders_until_the_end(owner: int) -> list[list[str]]:
    """Read orders from descriptor 0 until the owner closes it, sends the empty order ``[]``, or ends; return them."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    # A fork of the owner may hold the pipe open, so the end of the pipe alone would not show that the owner ended.
    with contextlib.suppress(AttributeError, OSError):  # not on every system or kernel
        poll.register(os.pidfd_open(owner), select.POLLIN)
    # If the owner has ended already, read what is in the pipe and do not wait.
    gone = os.getppid() != owner
    heard = b""
    while 0 in dict(poll.poll(0 if gone else None)):
        chunk = os.read(0, 65_536)
        heard += chunk
        if not chunk or heard.endswith(b"[]\n"):
            break
    whole = heard[: heard.rfind(b"\n") + 1]
    return [order for order in map(json.loads, whole.splitlines()) if order]


def main() -> int:
    """Wait for the end of the owner, whose process id is the first argument, then clear; return the exit status."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it must outlive its owner
    os.write(1, b"\n")
    orders = orders_until_the_end(int(sys.argv[1]))
    # Cgroups first: processes in them may still write into the folders.
    cleared = [clear_cgroup(path) for kind, path in orders if kind == "cgroup"]
    cleared += [clear_folder(path) for kind, path in orders if kind == "folder"]
    return 0 if all(cleared) else 1


if __name__ == "__main__":
    raise SystemExit(main())

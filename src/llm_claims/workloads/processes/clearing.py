"""The janitor's process: waits for the end of its owner, and clears away what the owner named to it.

It is run by its path and without the package, so that it starts in milliseconds and weighs a few megabytes.
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
    """Kill what is left in a cgroup and remove it; return whether it is gone."""
    for _ in _attempts():
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
                members = [int(line) for line in file]
            for member in members:
                if member > 0:  # 0 stands for a process that this namespace cannot see
                    os.kill(member, signal.SIGKILL)
        # The killed stay members until they have ended.
        with contextlib.suppress(OSError):
            os.rmdir(path)
        if not os.path.exists(path):
            return True
    return False


def clear_folder(path: str | Path) -> bool:
    """Remove a folder with all that is in it; return whether it is gone."""
    for _ in _attempts():
        # Who is being killed may still write into it.
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
    """Read orders from descriptor 0 until it ends, the owner says that it closes, or is gone; return them all."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    # A fork of the owner holds the pipe open as the owner did, so the end of the pipe alone would not do.
    with contextlib.suppress(AttributeError, OSError):  # neither every system nor every kernel has it
        poll.register(os.pidfd_open(owner), select.POLLIN)
    # Whoever is gone already has said all that it will say.
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
    """Wait for the end of the owner, whose id is the first argument, and clear away; return the exit status."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends with its owner, and only then
    os.write(1, b"\n")
    orders = orders_until_the_end(int(sys.argv[1]))
    # Cgroups first: what lives in them may still write into the folders.
    cleared = [clear_cgroup(path) for kind, path in orders if kind == "cgroup"]
    cleared += [clear_folder(path) for kind, path in orders if kind == "folder"]
    return 0 if all(cleared) else 1


if __name__ == "__main__":
    raise SystemExit(main())

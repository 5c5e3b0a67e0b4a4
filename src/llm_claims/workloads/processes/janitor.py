"""The janitor: a small process that outlives its owner, and clears away what the owner left behind.

A program that is killed with its whole process group runs no ``finally`` and no ``atexit``. Temporary
folders of hundreds of megabytes and cgroups would stay for ever, so they belong to a janitor: a
process in a session of its own, which no signal to its owner's group reaches. Its orders come
through a pipe; it acts on them when the owner says so, or is gone. Any program can keep one::

    janitor = Janitor()
    try:
        folder = janitor.new_folder("my-program-")
        ...
    finally:
        janitor.close()

This file is also what that process runs, by its path and without the package: it starts in
milliseconds and weighs a few megabytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

PATIENCE_SECONDS = 10.0

_LOOK_SECONDS = 0.01


class Janitor:
    """Clears away folders and cgroups when it is closed, or when its owner has ended, however that came about.

    The owner is the process that makes it; a fork of the owner can neither close it nor keep it
    waiting. Name a thing to it *before* you make it: what was never made is no fault, and then no
    moment is left at which a SIGKILL leaves it behind.

    Raises
    ------
    RuntimeError
        It did not start.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(self._owner)],
            stdin=subprocess.PIPE,
            # Whoever listens to the owner waits for the end of its output, which the janitor must not hold open.
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stdout is not None
        with self._process.stdout as stands:
            if not stands.read(1):
                raise RuntimeError("the janitor did not start")

    @property
    def pid(self) -> int:
        """The id of the janitor's process."""
        return self._process.pid

    def folder(self, path: Path) -> Path:
        """Have the folder removed in the end, with all that is in it; return its path."""
        return self._order("folder", path)

    def new_folder(self, prefix: str) -> Path:
        """Make a folder for temporary files that is removed in the end, and return its path."""
        path = self.folder(Path(tempfile.gettempdir()) / f"{prefix}{uuid.uuid4().hex[:12]}")
        path.mkdir(mode=0o700)
        return path

    def cgroup(self, path: Path) -> Path:
        """Have the processes in the cgroup killed and the cgroup removed in the end; return its path."""
        return self._order("cgroup", path)

    def close(self) -> None:
        """Have everything cleared away now, and wait until it is."""
        if os.getpid() != self._owner or self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            # Said in words: a fork of the owner may hold the pipe open.
            self._process.stdin.write(b"[]\n")
            self._process.stdin.close()
        self._process.wait()

    def _order(self, kind: str, path: Path) -> Path:
        """Give an order.

        Raises
        ------
        BrokenPipeError
            The janitor was closed, or is gone.
        """
        if self._process.returncode is not None:
            raise BrokenPipeError("the janitor was closed")
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([kind, os.path.abspath(path)]).encode() + b"\n")
        self._process.stdin.flush()
        return path


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

"""The janitor: a small process that outlives its owner, and removes the folders and cgroups that it left behind.

A program that is killed with its whole process group runs no ``finally`` and no ``atexit``, so temporary
folders of hundreds of megabytes and cgroups would stay for ever. A janitor removes them: a process in a
session of its own, which no signal to its owner's group reaches. The owner registers folders and cgroups
through a pipe; they are removed when the owner closes the janitor, or has ended. Any program can have one::

    janitor = Janitor()
    try:
        folder = janitor.new_folder("my-program-")
        ...
    finally:
        janitor.close()
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import uuid
from pathlib import Path

from llm_claims.workloads.processes import clearing
from llm_claims.workloads.processes.process import Command, Ended

_START_SECONDS = 60.0
_CLEAR_SECONDS = 60.0


class Janitor:
    """Removes folders and cgroups when it is closed, or when its owner has ended in any way.

    The owner is the process that creates it; a fork of the owner can neither close it nor keep it
    waiting. Register a path *before* you create it, so that a SIGKILL at any moment leaves nothing behind;
    a registered path that is never created does no harm.

    Raises
    ------
    RuntimeError
        It did not start.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._process = Command([sys.executable, "-I", "-S", clearing.__file__, str(self._owner)], folder="/")
        try:
            self._process.read_line(_START_SECONDS)
        except (Ended, TimeoutError) as error:
            self._process.end()
            raise RuntimeError(f"the janitor did not start: {error}") from None

    @property
    def pid(self) -> int:
        """The id of the janitor's process."""
        return self._process.pid

    def folder(self, path: Path) -> Path:
        """Register a folder to be removed with its contents; return its path."""
        return self._register("folder", path)

    def new_folder(self, prefix: str) -> Path:
        """Create a temporary folder and register it to be removed; return its path."""
        path = self.folder(Path(tempfile.gettempdir()) / f"{prefix}{uuid.uuid4().hex[:12]}")
        path.mkdir(mode=0o700)
        return path

    def cgroup(self, path: Path) -> Path:
        """Register a cgroup to be removed, with its processes killed; return its path."""
        return self._register("cgroup", path)

    def close(self) -> None:
        """Have everything removed now, and wait for it; in a fork of the owner, do nothing."""
        if os.getpid() == self._owner:
            with contextlib.suppress(Ended):
                self._process.write_line("[]")  # explicit, since a fork of the owner may hold the pipe open
            self._process.end(_CLEAR_SECONDS)

    def _register(self, kind: str, path: Path) -> Path:
        """Register a path with the janitor's process, and return it.

        Raises
        ------
        RuntimeError
            The janitor was closed, or has ended.
        """
        try:
            self._process.write_line(json.dumps([kind, os.path.abspath(path)]))
        except Ended as ended:
            raise RuntimeError(f"the janitor has ended and cannot remove {path} later: {ended}") from None
        return path

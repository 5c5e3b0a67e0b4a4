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
    """Clears away folders and cgroups when it is closed, or when its owner has ended, however that came about.

    The owner is the process that makes it; a fork of the owner can neither close it nor keep it
    waiting. Name a thing to it *before* you make it, so that there is no moment at which a SIGKILL
    leaves it behind; to name what is never made does no harm.

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
        if os.getpid() == self._owner:
            with contextlib.suppress(Ended):
                self._process.write_line("[]")  # said in words: a fork of the owner may hold the pipe open
            self._process.end(_CLEAR_SECONDS)

    def _order(self, kind: str, path: Path) -> Path:
        """Give an order.

        Raises
        ------
        RuntimeError
            The janitor was closed, or is gone.
        """
        try:
            self._process.write_line(json.dumps([kind, os.path.abspath(path)]))
        except Ended as ended:
            raise RuntimeError(f"the janitor takes no orders any more: {ended}") from None
        return path

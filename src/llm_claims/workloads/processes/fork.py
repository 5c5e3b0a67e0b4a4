"""A fork of this process that does some work: it starts warm, with everything that this process has imported."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from llm_claims.workloads.outcome import signature
from llm_claims.workloads.processes.lifeline import die_with_parent
from llm_claims.workloads.processes.process import Channel, Ended, Process

_NO_ROOM = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))


class Raised(Ended):
    """The work of a fork raised an error; the text is its signature."""


class Line(Channel):
    """The fork's end of the channel to its parent; values travel as JSON."""

    def tell(self, value: Any) -> None:
        """Tell the parent something, now: it stays told whatever becomes of this process."""
        self.write_line(json.dumps({"told": value}))

    def hear(self) -> Any:
        """Wait for what the parent tells next, and return it; end this process if it will tell nothing any more."""
        try:
            return json.loads(self.read_line())
        except EOFError:
            os._exit(0)


Work = Callable[[Line], None]


class Fork(Process):
    """A fork that does ``work`` with its end of the channel, and then stays until it is ended; it dies with its parent.

    It has ``environment`` in addition to its parent's. What it writes to standard output and error is captured
    in an anonymous file, or else goes where this process's own goes. Neither the parent's ``finally`` nor its exit
    handlers run there.
    """

    def __init__(self, work: Work, environment: Mapping[str, str] | None = None, captured: bool = False) -> None:
        errors = tempfile.TemporaryFile() if captured else None  # noqa: SIM115 - as long-lived as the process
        (ours, to_us), (theirs, to_them) = _pipe(), _pipe()
        parent = os.getpid()
        # What waits in a buffer would be written twice.
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            to_them.close()
            os.environ.update(environment or {})
            _live(work, Line(theirs, to_us), parent, errors)
        for end in (theirs, to_us):
            end.close()
        super().__init__(pid, ours, to_them, errors)
        self._status: int | None = None

    def tell(self, value: Any) -> None:
        """Tell the fork something.

        Raises
        ------
        Ended
            It has ended.
        """
        self.write_line(json.dumps(value))

    def hear(self, timeout_seconds: float = math.inf) -> Any:
        """Return what the fork tells next.

        Raises
        ------
        TimeoutError
            It told nothing in time.
        Raised
            Its work raised an error.
        Ended
            It has ended.
        """
        said = json.loads(self.read_line(timeout_seconds))
        if "raised" in said:
            raise Raised(said["raised"])
        return said["told"]

    def status(self) -> int | None:
        """Return the exit status, negative for a signal, or ``None`` while the fork lives."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def signal(self, number: int) -> bool:
        """Signal the fork; return whether it lives."""
        if self.status() is None:
            os.kill(self.pid, number)
        return self.status() is None


def _pipe() -> tuple[io.BufferedReader, io.BufferedWriter]:
    reading, writing = os.pipe()
    return open(reading, "rb"), open(writing, "wb")


def _live(work: Work, line: Line, parent: int, output: Any) -> NoReturn:
    """Be the fork."""
    die_with_parent(parent)
    try:
        if output is not None:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(line_buffering=True)  # who is killed flushes nothing
        work(line)
    except BaseException as error:
        with contextlib.suppress(OSError):
            if not any(words in str(error) for words in _NO_ROOM):  # its words say all, and there is no room for more
                traceback.print_exc()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            line.write_line(json.dumps({"raised": signature(error)}))
    # It stays, so that others who work with it do not miss it before its parent has heard of it.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    while True:
        line.hear()

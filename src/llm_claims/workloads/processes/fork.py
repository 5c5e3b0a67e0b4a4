"""A fork of this process that runs a function: it starts with everything that this process has imported."""

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
    """The function that a fork ran raised an error; the text is its signature."""


class ForkChannel(Channel):
    """The fork's end of the channel to its parent; values travel as JSON."""

    def send(self, value: Any) -> None:
        """Send the parent a value; it arrives even if this process dies next."""
        self.write_line(json.dumps({"sent": value}))

    def receive(self) -> Any:
        """Wait for the next value from the parent, and return it; exit if the parent has closed the channel."""
        try:
            return json.loads(self.read_line())
        except EOFError:
            os._exit(0)


Work = Callable[[ForkChannel], None]


class Fork(Process):
    """A fork that calls ``work`` with its end of the channel, and then lives until it is ended or its parent ends.

    ``environment`` is added to that of its parent. What it writes to standard output and error is captured in an
    anonymous file if ``captured``, and else goes where this process's own goes. Neither ``finally`` blocks nor exit
    handlers of the parent run in the fork.
    """

    def __init__(self, work: Work, environment: Mapping[str, str] | None = None, captured: bool = False) -> None:
        errors = tempfile.TemporaryFile() if captured else None  # noqa: SIM115 - as long-lived as the process
        (ours, to_us), (theirs, to_them) = _pipe(), _pipe()
        parent = os.getpid()
        # Else the fork would write what is buffered a second time.
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            to_them.close()
            os.environ.update(environment or {})
            _run_fork(work, ForkChannel(theirs, to_us), parent, errors)
        for end in (theirs, to_us):
            end.close()
        super().__init__(pid, ours, to_them, errors)
        self._status: int | None = None

    def send(self, value: Any) -> None:
        """Send the fork a value.

        Raises
        ------
        Ended
            It has ended.
        """
        self.write_line(json.dumps(value))

    def receive(self, timeout_seconds: float = math.inf) -> Any:
        """Wait for the next value from the fork, and return it.

        Raises
        ------
        TimeoutError
            It sent nothing in time.
        Raised
            ``work`` raised an error.
        Ended
            It has ended.
        """
        said = json.loads(self.read_line(timeout_seconds))
        if "raised" in said:
            raise Raised(said["raised"])
        return said["sent"]

    def status(self) -> int | None:
        """Return the exit status, negative for a signal, or ``None`` while the fork lives."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def signal(self, number: int) -> bool:
        """Send the fork a signal; return whether it is still alive."""
        if self.status() is None:
            os.kill(self.pid, number)
        return self.status() is None


def _pipe() -> tuple[io.BufferedReader, io.BufferedWriter]:
    reading, writing = os.pipe()
    return open(reading, "rb"), open(writing, "wb")


def _run_fork(work: Work, channel: ForkChannel, parent: int, output: Any) -> NoReturn:
    """Run the fork: call ``work``, report an error it raises, then wait until the parent ends this process."""
    die_with_parent(parent)
    try:
        if output is not None:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(line_buffering=True)  # a killed process flushes nothing
        work(channel)
    except BaseException as error:
        with contextlib.suppress(OSError):
            if not any(words in str(error) for words in _NO_ROOM):  # a traceback would not fit on the full disk
                traceback.print_exc()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            channel.write_line(json.dumps({"raised": signature(error)}))
    # Do not exit yet: other ranks would fail for want of this one before the parent has read its report.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    while True:
        channel.receive()

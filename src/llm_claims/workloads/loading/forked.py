"""A forked child: work in a process of its own that starts warm, with all that its parent has imported."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_CHUNK = 65_536

Notes = dict[str, Any]


class Line:
    """The child's end of the line to its parent."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def tell(self, **notes: Any) -> None:
        """Tell the parent something, now: it stays told whatever becomes of this process."""
        self._end.sendall(json.dumps(notes).encode() + b"\n")

    def wait(self) -> None:
        """Wait until the parent says to go on."""
        if not self._end.recv(1):
            os._exit(0)  # the parent wants no more


Work = Callable[[Line], None]


class ChildGone(Exception):
    """The child has ended; the text says how."""


class Forked:
    """A process that runs ``work`` on its end of a line; it dies with its parent.

    An exception in ``work`` is told as the note ``error`` and ends the child. Neither the parent's
    ``finally`` nor its exit handlers run there.

    Raises
    ------
    RuntimeError
        This process has threads: a fork takes along the locks that they hold, and nobody to open them.
    """

    def __init__(self, work: Work) -> None:
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads > 1:
            raise RuntimeError(f"this process has {threads} threads, and only one without any can be forked")
        self._end, theirs = socket.socketpair()
        self._heard = b""
        self._status: int | None = None
        parent = os.getpid()
        # What waits in a buffer would be written twice.
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._end.close()
            _live(work, Line(theirs), parent)
        theirs.close()

    def hear(self, timeout_seconds: float | None = None) -> Notes | None:
        """Return what the child tells next, or ``None`` if it tells nothing in time.

        Raises
        ------
        ChildGone
            It will tell nothing any more.
        """
        while b"\n" not in self._heard:
            if not select.select([self._end], [], [], timeout_seconds)[0]:
                return None
            if not (chunk := self._received()):
                raise ChildGone(_words(self._reaped()))
            self._heard += chunk
        line, _, self._heard = self._heard.partition(b"\n")
        notes: Notes = json.loads(line)
        return notes

    def go_on(self) -> None:
        """Let the child go on where it waits; one that has ended is found out by `hear`."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._end.send(b"\n")

    def end(self) -> None:
        """End the child if it lives, and reap it."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self._reaped()
        self._end.close()

    def _received(self) -> bytes:
        try:
            return self._end.recv(_CHUNK)
        except ConnectionResetError:  # it ended before it read what it was told
            return b""

    def _reaped(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def _live(work: Work, line: Line, parent: int) -> NoReturn:
    status = 1
    try:
        _die_with(parent)
        work(line)
        status = 0
    except BaseException as error:
        traceback.print_exc()
        text = str(error).strip().partition("\n")[0]
        line.tell(error=f"{type(error).__name__}: {text}" if text else type(error).__name__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, so that nothing of it is left running."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def _words(status: int) -> str:
    if status >= 0:
        return f"it ended with exit status {status}"
    try:
        return f"it was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was killed by signal {-status}"

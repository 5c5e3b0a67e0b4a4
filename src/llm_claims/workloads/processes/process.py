"""Processes: start them, exchange lines of text with them, and end them with everything that they started.

This file also runs in container images of 2023: it must work on Python 3.8 with the standard library alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from time import monotonic, sleep
from typing import IO

GRACE_SECONDS = 3.0

_LOOK_SECONDS = 0.5  # between checks that a silent process is still alive
_LAST_LINES = 10
_LAST_BYTES = 1 << 16
_LONGEST_LINE = 10_000_000


class Ended(Exception):
    """A process will send nothing more; the text says how it ended. ``status`` is ``None`` if it is still alive."""

    def __init__(self, how: str, status: int | None = None) -> None:
        super().__init__(how)
        self.status = status


def in_words(status: int | None) -> str:
    """Describe how a process ended, from its exit status: negative for a signal, ``None`` if it is still alive."""
    if status is None:
        return "it closed its output and lived on"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


class Channel:
    """Lines of text between two processes, in both directions."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._reading, self._writing = reading, writing
        self._heard = bytearray()

    def fileno(self) -> int:
        """The descriptor to poll for incoming lines."""
        return self._reading.fileno()

    def write_line(self, line: str) -> None:
        """Send one line; raise `BrokenPipeError` if the other end is closed."""
        self._writing.write(line.encode() + b"\n")
        self._writing.flush()

    def read_line(self, timeout_seconds: float = math.inf) -> str:
        """Wait for one line and return it without its end; a line without end is cut at ten megabytes.

        Raises
        ------
        TimeoutError
            No whole line came in time.
        EOFError
            The other end is closed.
        """
        deadline = monotonic() + timeout_seconds
        while (end := self._heard.find(b"\n")) < 0 and len(self._heard) < _LONGEST_LINE:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError
            self._listen(min(left, _LOOK_SECONDS))
        line = self._heard[: end if end >= 0 else None].decode(errors="replace")
        del self._heard[: end + 1 if end >= 0 else None]
        return line

    def _listen(self, seconds: float) -> bool:
        """Read what arrives within ``seconds`` into the buffer; return whether anything arrived."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        chunk = os.read(self.fileno(), 1 << 16)
        if not chunk:
            raise EOFError
        self._heard += chunk
        return True


class Process(Channel):
    """A process that this one started, and the channel to it. When it has ended, the channel raises `Ended`."""

    def __init__(self, pid: int, reading: IO[bytes], writing: IO[bytes], errors: IO[bytes] | None) -> None:
        super().__init__(reading, writing)
        self.pid = pid
        self._errors = errors
        self._owner = os.getpid()

    def write_line(self, line: str) -> None:
        """Send one line.

        Raises
        ------
        Ended
            It has ended, or reads no more.
        """
        try:
            super().write_line(line)
        except (BrokenPipeError, ValueError):  # ValueError after `end`, which closed the channel
            raise self._ending() from None

    def unread(self) -> str:
        """Return what the process has sent and `read_line` has not returned yet, without waiting.

        Raises
        ------
        Ended
            It has ended meanwhile.
        """
        self._listen(0)
        return self._heard.decode(errors="replace")

    def last_lines(self) -> list[str]:
        """Return the last lines of the captured output, ten at most; a redrawn progress bar counts as one line."""
        if self._errors is None:
            return []
        # pread and not seek, because the process writes through the same open file and shares its position.
        size = os.fstat(self._errors.fileno()).st_size
        tail = os.pread(self._errors.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES)).decode(errors="replace")
        lines = (line.rstrip().rpartition("\r")[2] for line in tail.split("\n"))
        return [line for line in lines if line.strip()][-_LAST_LINES:]

    def end(self, grace_seconds: float = 0) -> None:
        """End the process, with its group if it leads one, and reap it.

        Close its input, wait ``grace_seconds``, send SIGTERM, wait as long again, and send SIGKILL. With zero, kill it
        at once. In a fork of the owner, do nothing.
        """
        if os.getpid() != self._owner or self._reading.closed:
            return  # a fork inherits this object, but the process is the owner's
        if grace_seconds > 0:
            with contextlib.suppress(BrokenPipeError):
                self._writing.close()
            if not self._is_gone_within(grace_seconds):
                self.signal(signal.SIGTERM)
                self._is_gone_within(grace_seconds)
        # Even when it has ended itself, processes that it started may still run in its group.
        self.signal(signal.SIGKILL)
        self._is_gone_within(math.inf)
        deadline = monotonic() + 1  # an init that does not reap may keep zombies for ever
        while self.signal(0) and monotonic() < deadline:
            sleep(0.01)
        for file in (self._reading, self._writing, self._errors):
            with contextlib.suppress(BrokenPipeError):
                if file is not None:
                    file.close()

    def status(self) -> int | None:
        """Return the exit status, negative for a signal, or ``None`` while the process lives."""
        raise NotImplementedError

    def signal(self, number: int) -> bool:
        """Signal the process, with its group if it leads one; return whether any process of it is left."""
        raise NotImplementedError

    def _listen(self, seconds: float) -> bool:
        try:
            if super()._listen(seconds):
                return True
            # A process that it started may hold the channel open after its death: look at the status.
            if self.status() is None or super()._listen(0):
                return False
        except EOFError:
            pass
        raise self._ending() from None

    def _ending(self) -> Ended:
        self._is_gone_within(GRACE_SECONDS)  # its channel closes a moment before it has ended
        return Ended(in_words(self.status()), self.status())

    def _is_gone_within(self, seconds: float) -> bool:
        deadline = monotonic() + seconds
        while self.status() is None:
            if monotonic() >= deadline:
                return False
            sleep(0.005)
        return True


class Command(Process):
    """A command in a session and group of its own; the channel is its standard input and output.

    Its standard error is captured in an anonymous file, so that a lot of it can neither block the command nor fill
    the memory of this process; or, unless ``captured``, it goes where this process's own goes. Raises `OSError` if the
    command cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        captured: bool = True,
    ) -> None:
        errors = tempfile.TemporaryFile() if captured else None  # noqa: SIM115 - as long-lived as the process
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except BaseException:
            if errors is not None:
                errors.close()
            raise
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        super().__init__(self._process.pid, self._process.stdout, self._process.stdin, errors)

    def status(self) -> int | None:
        """Return the exit status, negative for a signal, or ``None`` while the command runs."""
        return self._process.poll()

    def signal(self, number: int) -> bool:
        """Signal the group; return whether any process of it is left."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # the latter where only a zombie is left, on macOS
            return False
        return True

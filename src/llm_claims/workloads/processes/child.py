"""A child process that speaks in lines: read with a timeout, and cleared away with all its descendants."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from time import monotonic, sleep

GRACE_SECONDS = 3.0

_LOOK_SECONDS = 0.5  # between looks whether a silent child still lives
_LAST_LINES = 10
_LAST_BYTES = 8_192
_LONGEST_LINE = 1_000_000


class ChildEnded(Exception):
    """The child died or closed its output; ``status`` is that of `subprocess.Popen`, ``None`` if it lives."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class Child:
    """One process in a session and group of its own, with pipes for both directions.

    Its standard error goes to an anonymous file, so that a flood of it can neither block the child
    nor fill this process. Raises `OSError` if the command cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long-lived as the child
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except BaseException:
            self._errors.close()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._owner = os.getpid()
        self._heard = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        return self._process.pid

    def write_line(self, line: str) -> None:
        """Send one line.

        Raises
        ------
        ChildEnded
            Nobody reads any more.
        """
        try:
            self._input.write(line.encode() + b"\n")
            self._input.flush()
        except BrokenPipeError:
            raise ChildEnded(self._status()) from None

    def read_line(self, timeout_seconds: float) -> str:
        """Wait for one line and return it without its end; a line without end is cut at a megabyte.

        Raises
        ------
        TimeoutError
            No whole line came in time.
        ChildEnded
            None will come.
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

    def unread(self) -> str:
        """Return what the child has said that nobody has read, without waiting.

        Raises
        ------
        ChildEnded
            It has died meanwhile.
        """
        self._listen(0)
        return self._heard.decode(errors="replace")

    def last_lines(self) -> list[str]:
        """Return the last lines the child wrote to standard error, ten at most."""
        # The child writes through the same open file, so a seek here would move its place: pread.
        size = os.fstat(self._errors.fileno()).st_size
        tail = os.pread(self._errors.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES))
        return [line for line in tail.decode(errors="replace").splitlines() if line.strip()][-_LAST_LINES:]

    def end(self, grace_seconds: float) -> None:
        """End the child and its whole group, and reap it: end of input, then SIGTERM, then SIGKILL.

        The child has ``grace_seconds`` after each of the first two; with zero it is killed at once.
        """
        if os.getpid() != self._owner:
            return  # a fork of this process, which inherited the object and not the child
        with contextlib.suppress(OSError):
            self._input.close()
        if grace_seconds > 0 and not self._gone(grace_seconds):
            self._signal(signal.SIGTERM)
            self._gone(grace_seconds)
        # Whatever the child left running is in its group still, even when the child itself is gone.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._await_group()
        self._selector.close()
        self._output.close()
        self._errors.close()

    def _listen(self, seconds: float) -> None:
        """Take in what comes within ``seconds``; silence is fine as long as the child lives."""
        if self._selector.select(seconds):
            chunk = os.read(self._output.fileno(), 65_536)
            if not chunk:
                raise ChildEnded(self._status())
            self._heard += chunk
        elif self._process.poll() is not None and not self._selector.select(0):
            # A descendant may hold the pipe open long after the child's death.
            raise ChildEnded(self._process.returncode)

    def _status(self) -> int | None:
        return self._process.returncode if self._gone(GRACE_SECONDS) else None

    def _gone(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, number: int) -> bool:
        """Signal the group, if any of it is left."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # the latter where only a zombie is left, on macOS
            return False
        return True

    def _await_group(self) -> None:
        """Wait until the killed are gone; not for long, since a lazy init may keep zombies for ever."""
        deadline = monotonic() + 1
        while self._signal(0) and monotonic() < deadline:
            sleep(0.01)

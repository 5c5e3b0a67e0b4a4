"""One rank of a run, and what is told of it when it fails."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import sleep

from llm_claims.workloads.processes.lifeline import die_with_parent
from llm_claims.workloads.program import ToldInFull, signature

Work = Callable[[], str]

_LAST_LINES = 10
# Whoever watches the ranks looks every twentieth of a second.
_NOTICE_SECONDS = 0.5
_NO_ROOM = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))
_OF_THE_AGENT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class RankError(ToldInFull):
    """A rank failed; the text says which, how, and shows the last lines that it wrote."""

    @classmethod
    def of(cls, rank: int, how: str, scratch: Path) -> RankError:
        """Return the error of a rank whose output is in ``scratch``."""
        lines = last_lines(scratch, rank)
        shown = "".join(["; its last lines:", *(f"\n    {line}" for line in lines)]) if lines else ""
        return cls(f"rank {rank}: {how}{shown}")


class Reports:
    """What failing ranks say of it: a line each, through a pipe, where no full disk is in the way."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def add(self, rank: int, how: str) -> None:
        """Report how a rank fails."""
        line = f"{rank} {how}".replace("\n", " ").encode(errors="replace")
        # No longer than what is written whole or not at all, so that lines of several ranks never mix.
        os.write(self._write, line[: select.PIPE_BUF - 1] + b"\n")

    def heard(self) -> dict[int, str]:
        """Return how ranks failed that have reported it."""
        os.set_blocking(self._read, False)
        try:
            lines = os.read(self._read, 1 << 16).decode(errors="replace").split("\n")
        except BlockingIOError:
            return {}
        return {int(rank): how for rank, _, how in (line.partition(" ") for line in lines if line)}


def alone(work: Work, scratch: Path) -> str:
    """Be the only rank, in a process of its own.

    Raises
    ------
    RankError
        The work failed.
    """
    try:
        return _captured(work, 0, scratch)
    except BaseException as error:
        raise RankError.of(0, signature(error), scratch) from None


def one_of_several(work: Work, scratch: Path, reports: Reports, agent: int) -> str:
    """Be one of the ranks that the elastic agent, process ``agent``, has forked; end this process on failure."""
    die_with_parent(agent)
    for number in _OF_THE_AGENT:
        # Its handlers came along in the fork. They raise an exception, and native code waits on regardless.
        signal.signal(number, signal.SIG_DFL)
    rank = int(os.environ["RANK"])
    try:
        return _captured(work, rank, scratch)
    except BaseException as error:
        reports.add(rank, signature(error))
        # The agent tells of the failure that it sees first: let it see who died before who only misses a peer.
        sleep(_NOTICE_SECONDS)
        # An exception would be written to files, by the agent's library twice.
        os._exit(1)


def _captured(work: Work, rank: int, scratch: Path) -> str:
    """Work; what is written meanwhile goes to a file of the rank's own."""
    file = os.open(_output(scratch, rank), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # who is killed flushes nothing
    try:
        return work()
    except BaseException as error:
        with contextlib.suppress(OSError):
            if not any(words in str(error) for words in _NO_ROOM):  # its words say all, and there is no room for more
                traceback.print_exc()
            sys.stderr.flush()
        raise


def last_lines(scratch: Path, rank: int) -> list[str]:
    """Return the last lines that a rank wrote, ten at most; of a progress bar the last state."""
    try:
        # As bytes: text would be read with each of a bar's states as a line.
        text = _output(scratch, rank).read_bytes().decode(errors="replace")
    except OSError:
        return []
    lines = (line.rstrip().rpartition("\r")[2] for line in text.split("\n"))
    return [line for line in lines if line.strip()][-_LAST_LINES:]


def _output(scratch: Path, rank: int) -> Path:
    return scratch / f"rank{rank}.txt"

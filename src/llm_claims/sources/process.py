"""A program in a process of its own: started, asked, timed out, and always cleared away."""

from __future__ import annotations

import atexit
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ValidationError

from llm_claims.errors import ProgramError
from llm_claims.workloads.outcome import first_fault
from llm_claims.workloads.processes.process import GRACE_SECONDS, Command, Ended
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer

SETUP_TIMEOUT_SECONDS = 300.0

_SHOWN_CHARACTERS = 300

_M = TypeVar("_M", bound=BaseModel)


class _Rubbish(Exception):
    """The program said something else than the protocol allows; the text shows what."""


class ProgramProcess:
    """One program at a time, kept between requests; not for use by several threads.

    ``command`` is what to run; it must speak `llm_claims.workloads.protocol`. It starts with the
    first request, or with `start`, in a process group of its own. After any fault the whole group
    is gone, and the next request starts a fresh one.
    """

    def __init__(self, command: Sequence[str], setup_timeout_seconds: float = SETUP_TIMEOUT_SECONDS) -> None:
        self._command = list(command)
        self._setup_timeout_seconds = setup_timeout_seconds
        self._process: Command | None = None
        self._ready: Ready | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running program and of its process group; ``None`` if none runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> Ready:
        """Start the program if none runs, wait until it stands, and return what it said then.

        Raises
        ------
        ProgramError
            It cannot be started, died, hung beyond the set-up timeout, or said something else.
        """
        if self._ready is None:
            try:
                self._process = Command(self._command)
            except OSError as error:
                raise ProgramError(f"{self._name()} cannot be started: {error}") from None
            atexit.register(self.close)
            with self._faults_told("while setting up", self._setup_timeout_seconds):
                self._ready = _heard(self._process, "Ready", Ready.model_validate_json, self._setup_timeout_seconds)
        return self._ready

    def ask(self, request: Request, timeout_seconds: float) -> Answer:
        """Have the program run ``request`` and return its answer; start the program if none runs.

        The timeout is for the answer alone; setting up has its own.

        Raises
        ------
        ProgramError
            The program died, hung beyond the timeout, or answered something else than an answer;
            the text says how, and shows the last lines that the program wrote.
        """
        self.start()
        assert self._process is not None
        with self._faults_told(f"when asked for {request.workload.describe()}", timeout_seconds):
            if unasked := self._process.unread():
                raise _Rubbish(f"spoke without being asked: {_shown(unasked)}")
            self._process.write_line(request.model_dump_json())
            kind = type(request.workload)
            return _heard(self._process, "Answer", lambda line: read_answer(line, kind), timeout_seconds)

    def close(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the program and all its descendants: end of input, then SIGTERM, then SIGKILL.

        It has ``grace_seconds`` after each of the first two to end by itself.
        """
        process, self._process, self._ready = self._process, None, None
        atexit.unregister(self.close)
        if process is not None:
            process.end(grace_seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _faults_told(self, when: str, limit_seconds: float) -> Iterator[None]:
        """Turn a fault into words, and leave no program behind that is out of step with its caller.

        An interrupt leaves it so too, so whatever is raised ends the program.
        """
        try:
            yield
        except BaseException as error:
            assert self._process is not None
            lines = self._process.last_lines()
            self.close(grace_seconds=0)
            if (words := _words(error, when, limit_seconds)) is None:
                raise
            raise ProgramError(f"{self._name()} {words}{_quoted(lines)}") from None

    def _name(self) -> str:
        return shlex.join([Path(self._command[0]).name, *self._command[1:]])


def _heard(process: Command, expected: str, read: Callable[[str], _M], limit_seconds: float) -> _M:
    line = process.read_line(limit_seconds)
    try:
        return read(line)
    except ValidationError as error:
        fault = first_fault(error)
        raise _Rubbish(f"wrote something else than one {expected} a line: {_shown(line)} ({fault})") from None


def _words(error: BaseException, when: str, limit_seconds: float) -> str | None:
    """Say what went wrong, after the program's name; ``None`` for what is no fault of the program."""
    if isinstance(error, Ended):
        hint = " (often the system's answer to memory running out)" if error.status == -signal.SIGKILL else ""
        return f"died {when}: {error}{hint}."
    if isinstance(error, TimeoutError):
        return f"hung {when}: nothing came within {limit_seconds:g} s, so it was killed."
    if isinstance(error, _Rubbish):
        return f"talked rubbish {when}: it {error}. It was killed."
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")


def _quoted(lines: list[str]) -> str:
    if not lines:
        return " It wrote nothing to standard error."
    return "".join(["\nThe last lines it wrote:", *(f"\n    {line}" for line in lines)])

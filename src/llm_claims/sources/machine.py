"""A lock of this machine: one process measures alone, or several share it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from llm_claims.errors import ProgramError

WAIT_IN_SILENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_SLOTS = os.cpu_count() or 1


class Machine:
    """A fair readers-writer lock in files, for all runs on this machine: two runs would disturb each other too.

    To measure alone is to hold the gate and every slot; to share is to pass the gate, take one slot and leave the
    gate. So a process that waits to be alone is not overtaken by those that share. There are as many slots as cores.
    ``waiting`` is called when the lock is not free at once.
    """

    def __init__(self, waiting: Callable[[], None]) -> None:
        self._waiting = waiting

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the machine alone.

        Raises
        ------
        ProgramError
            A lock file cannot be used.
        """
        with ExitStack() as held, _usable():
            held.enter_context(_held(gate(), self._waiting))
            for slot in slots():
                held.enter_context(_held(slot, self._waiting))
            yield

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Share the machine with others that share it.

        Raises
        ------
        ProgramError
            A lock file cannot be used.
        """
        with ExitStack() as held, _usable():
            with _held(gate(), self._waiting):
                held.enter_context(self._free_slot())
            yield

    def _free_slot(self) -> FileLock:
        while True:
            for slot in slots():
                with suppress(Timeout):
                    slot.acquire(timeout=0)
                    return slot
            time.sleep(_LOOK_SECONDS)


def gate() -> FileLock:
    """The lock that every measurement passes; LLM_CLAIMS_LOCK names another file."""
    path = Path(os.environ.get("LLM_CLAIMS_LOCK", Path(tempfile.gettempdir()) / "llm-claims-timing.lock"))
    return FileLock(path, mode=0o666)


def slots() -> list[FileLock]:
    """One lock for each process that may share the machine."""
    path = gate().lock_file
    return [FileLock(f"{path}.{number}", mode=0o666) for number in range(_SLOTS)]


@contextmanager
def _held(lock: FileLock, waiting: Callable[[], None]) -> Iterator[None]:
    try:
        lock.acquire(timeout=WAIT_IN_SILENCE_SECONDS)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ProgramError(
            f"the lock {gate().lock_file} cannot be used: {error}; name another in LLM_CLAIMS_LOCK"
        ) from None

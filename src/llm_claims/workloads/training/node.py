"""A node: a forked process that runs ranks for its parent, and the line between the two."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn, Self

from llm_claims.workloads.processes.lifeline import die_with_parent
from llm_claims.workloads.program import signature
from llm_claims.workloads.training.rank import RankError

Errand = Callable[[Connection], list[str]]
"""What a node does, with its end of the line; it returns what its ranks returned."""

_FORK = get_context("fork")
_REAP_SECONDS = 5.0


class NodeGone(Exception):
    """A node has ended without a word; the text says how."""


class Node:
    """A process that runs an errand; it dies with its parent, and at the end of the ``with`` block."""

    def __init__(self, errand: Errand) -> None:
        self.connection, theirs = _FORK.Pipe()
        self._process: BaseProcess = _FORK.Process(target=_live, args=(errand, theirs, os.getpid()))
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def expect(self, word: str, seconds: float) -> None:
        """Wait until the node says ``word``.

        Raises
        ------
        RankError
            It failed, or said nothing in time.
        NodeGone
            It has ended.
        """
        if not self.connection.poll(seconds):
            raise RankError(f"a process for ranks said nothing for {seconds:g} s, where it should say {word!r}")
        if (heard := self._heard()) != word:
            _results(heard)

    def tell(self, word: str) -> None:
        """Say ``word`` to the node; one that has ended is found out when it is listened to."""
        with contextlib.suppress(OSError):
            self.connection.send(word)

    def result(self) -> list[str]:
        """Wait for what the ranks of the node returned.

        Raises
        ------
        RankError
            A rank failed.
        NodeGone
            The node has ended.
        """
        return _results(self._heard())

    def _heard(self) -> Any:
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self._process.join(_REAP_SECONDS)
            raise NodeGone(words_of(self._process.exitcode)) from None


def _live(errand: Errand, line: Connection, parent: int) -> NoReturn:
    die_with_parent(parent)
    try:
        said: tuple[str, Any] = ("returned", errand(line))
    except RankError as error:
        said = ("raised", str(error))
    except BaseException as error:
        said = ("raised", f"the ranks could not be run: {signature(error)}")
    with contextlib.suppress(OSError):
        line.send(said)
    os._exit(0)


def _results(heard: Any) -> list[str]:
    kind, said = heard
    if kind == "raised":
        raise RankError(said)
    return list(said)


def words_of(status: int | None) -> str:
    """Say how a process ended, from its exit status as `multiprocessing` gives it."""
    if status is None or status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"died by {signal.Signals(-status).name}"
    except ValueError:
        return f"died by signal {-status}"

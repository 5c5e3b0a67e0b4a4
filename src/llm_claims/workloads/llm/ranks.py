"""Ranks: forks of this process that work on one thing together, as one group of torch.distributed."""

from __future__ import annotations

import contextlib
import math
import signal
import socket
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from time import monotonic
from typing import Any, Self

from llm_claims.workloads.outcome import ToldInFull
from llm_claims.workloads.processes.fork import Fork, Raised, Work
from llm_claims.workloads.processes.process import Ended
from llm_claims.workloads.protocol import Answer

_LOCALHOST = "127.0.0.1"
_LOOK_SECONDS = 0.5


class RankError(ToldInFull):
    """A rank failed, or ranks saw different runs; the text says which, how, and the last lines that it wrote."""


def environments(
    here: range, ranks: int, address: str, port: int, interface: str | None = None
) -> list[dict[str, str]]:
    """What libraries read of a group of ``ranks``, for each of the ranks that are ``here``, on one machine.

    The first of all ranks listens at ``address`` and ``port``; all use the network ``interface``, if it is given.
    """
    shared = {
        **({"GLOO_SOCKET_IFNAME": interface} if interface else {}),
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(len(here)),
        "LOCAL_SIZE": str(len(here)),
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
    }
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(local)} for local, rank in enumerate(here)]


class Ranks:
    """Forks that do the same ``work``, each in an environment of its own; they end together, and with this process.

    What ranks write to standard output and error is captured, or else goes where this process's own goes.
    """

    def __init__(self, work: Work, environments: Sequence[Mapping[str, str]], captured: bool = False) -> None:
        self._forks: dict[Fork, str] = {}
        self._port: socket.socket | None = None
        try:
            for environment in environments:
                self._forks[Fork(work, environment, captured)] = environment.get("RANK", "0")
        except BaseException:
            self.end()
            raise

    @classmethod
    def local(cls, work: Work, ranks: int, captured: bool = False) -> Self:
        """Start a group of ranks that are all on this machine."""
        # Nobody else is given the port while it is bound, and the first rank can listen there all the same.
        port = socket.socket()
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind((_LOCALHOST, 0))
        group = environments(range(ranks), ranks, _LOCALHOST, port.getsockname()[1], "lo")
        started = cls(work, group, captured)
        started._port = port
        return started

    @property
    def pids(self) -> list[int]:
        """The ids of the processes, by rank."""
        return [fork.pid for fork in self._forks]

    def tell(self, value: Any) -> None:
        """Tell every rank something; one that has ended is found out by `hear`."""
        for fork in self._forks:
            with contextlib.suppress(Ended):
                fork.tell(value)

    def hear(self, timeout_seconds: float = math.inf) -> list[Any]:
        """Wait until every rank has told something, and return it, by rank.

        Raises
        ------
        RankError
            A rank failed, or told nothing in time. The first to fail is named: others only miss it.
        """
        deadline = monotonic() + timeout_seconds
        told: dict[Fork, Any] = {}
        while waiting := {fork.fileno(): fork for fork in self._forks if fork not in told}:
            if (left := deadline - monotonic()) <= 0:
                raise self._error(next(iter(waiting.values())), f"nothing was heard for {timeout_seconds:g} s")
            ready = [waiting[number] for number in wait(list(waiting), min(left, _LOOK_SECONDS))]  # type: ignore[index]
            # A descendant may hold the channel of a rank that has died.
            told |= self._heard(ready or [fork for fork in waiting.values() if fork.status() is not None])
        return [told[fork] for fork in self._forks]

    def end(self) -> None:
        """End all ranks, and with them what they hold."""
        for fork in self._forks:
            fork.signal(signal.SIGKILL)
        for fork in self._forks:
            fork.end()
        if self._port is not None:
            self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _heard(self, ready: Sequence[Fork]) -> dict[Fork, Any]:
        told, failed = {}, {}
        for fork in ready:
            try:
                told[fork] = fork.hear()
            except Ended as ended:
                failed[fork] = ended
        if failed:
            # One that died took its connections along, and others may have raised errors for want of it.
            first = min(failed, key=lambda fork: isinstance(failed[fork], Raised))
            raise self._error(first, str(failed[first]))
        return told

    def _error(self, fork: Fork, how: str) -> RankError:
        lines = fork.last_lines()
        shown = "".join(["; its last lines:", *(f"\n    {line}" for line in lines)]) if lines else ""
        return RankError(f"rank {self._forks[fork]}: {how}{shown}")


def agreed(answers: Sequence[Answer]) -> Answer:
    """Return the first rank's answer, if all ranks saw the same run.

    Raises
    ------
    RankError
        They saw different runs; the text says what differs.
    """
    first = _seen(answers[0])
    for rank, other in enumerate(map(_seen, answers)):
        if apart := [name for name in {**first, **other} if first.get(name) != other.get(name)]:
            words = "; ".join(f"{name}: {first.get(name)!r} and {other.get(name)!r}" for name in apart)
            raise RankError(f"ranks 0 and {rank} saw different runs: {words}")
    return answers[0]


def _seen(answer: Answer) -> dict[str, object]:
    return {"outcome": answer.outcome, **dict(answer.witness or ())}

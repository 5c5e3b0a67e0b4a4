"""Ranks: forks of this process that work together as one group of torch.distributed."""

from __future__ import annotations

import contextlib
import math
import signal
import socket
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from time import monotonic
from typing import Any, Self

from llm_claims.workloads.outcome import MultilineError
from llm_claims.workloads.processes.fork import Fork, Raised, Work
from llm_claims.workloads.processes.process import Ended
from llm_claims.workloads.protocol import Answer

_LOCALHOST = "127.0.0.1"
_LOOK_SECONDS = 0.5


class RankError(MultilineError):
    """A rank failed, or the witnesses of ranks differ; the text says which rank, how, and the last lines it wrote."""


def environments(
    here: range, ranks: int, address: str, port: int, interface: str | None = None
) -> list[dict[str, str]]:
    """Return the environment variables of torch.distributed for each rank in ``here``, those on this machine.

    ``ranks`` counts all ranks of the group. The first of all listens at ``address`` and ``port``; all use the network
    ``interface``, if it is given.
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
        # Bound here, the port is given to no other process; SO_REUSEADDR lets the first rank listen all the same. That
        # listens on all addresses, so all are bound: another process may have taken the number on one of the others.
        port = socket.socket()
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(("", 0))
        group = environments(range(ranks), ranks, _LOCALHOST, port.getsockname()[1], "lo")
        started = cls(work, group, captured)
        started._port = port
        return started

    @property
    def pids(self) -> list[int]:
        """The ids of the processes, by rank."""
        return [fork.pid for fork in self._forks]

    def send(self, value: Any) -> None:
        """Send every rank a value; a rank that has ended is reported by `receive`."""
        for fork in self._forks:
            with contextlib.suppress(Ended):
                fork.send(value)

    def receive(self, timeout_seconds: float = math.inf) -> list[Any]:
        """Wait for one value from every rank, and return them in the order of ranks.

        Raises
        ------
        RankError
            A rank failed, or sent nothing in time. The first to fail is named: others may fail only because it did.
        """
        deadline = monotonic() + timeout_seconds
        received: dict[Fork, Any] = {}
        while waiting := {fork.fileno(): fork for fork in self._forks if fork not in received}:
            if (left := deadline - monotonic()) <= 0:
                raise self._error(next(iter(waiting.values())), f"sent nothing for {timeout_seconds:g} s")
            ready = [waiting[number] for number in wait(list(waiting), min(left, _LOOK_SECONDS))]  # type: ignore[index]
            # If a child of a dead rank holds its channel open, the channel never becomes ready: look at the status.
            received |= self._receive_from(ready or [fork for fork in waiting.values() if fork.status() is not None])
        return [received[fork] for fork in self._forks]

    def end(self) -> None:
        """Kill all ranks, and release the port."""
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

    def _receive_from(self, ready: Sequence[Fork]) -> dict[Fork, Any]:
        """Return the next value of each of these ranks; raise `RankError` for one that failed."""
        received, failed = _received_from(ready)
        if failed and all(isinstance(ended, Raised) for ended in failed.values()):
            # A rank that died closed its connections, so others may raise before its own end is seen.
            others = [fork for fork in self._forks if fork not in ready]
            later = wait([fork.fileno() for fork in others], _LOOK_SECONDS)
            failed |= _received_from([fork for fork in others if fork.fileno() in later])[1]
        if failed:
            first = min(failed, key=lambda fork: isinstance(failed[fork], Raised))
            raise self._error(first, str(failed[first]))
        return received

    def _error(self, fork: Fork, how: str) -> RankError:
        lines = fork.last_lines()
        shown = "".join(["; its last lines:", *(f"\n    {line}" for line in lines)]) if lines else ""
        return RankError(f"rank {self._forks[fork]}: {how}{shown}")


def _received_from(ready: Sequence[Fork]) -> tuple[dict[Fork, Any], dict[Fork, Ended]]:
    """Return the next value of each of these ranks, and how those ended that sent none."""
    received, failed = {}, {}
    for fork in ready:
        try:
            received[fork] = fork.receive()
        except Ended as ended:
            failed[fork] = ended
    return received, failed


def agreed(answers: Sequence[Answer]) -> Answer:
    """Return the first rank's answer, if the outcomes and witnesses of all ranks are equal.

    Raises
    ------
    RankError
        They differ; the text says in which fields.
    """
    first = _seen(answers[0])
    for rank, other in enumerate(map(_seen, answers)):
        if apart := [name for name in {**first, **other} if first.get(name) != other.get(name)]:
            words = "; ".join(f"{name}: {first.get(name)!r} and {other.get(name)!r}" for name in apart)
            raise RankError(f"ranks 0 and {rank} saw different runs: {words}")
    return answers[0]


def _seen(answer: Answer) -> dict[str, object]:
    return {"outcome": answer.outcome, **dict(answer.witness or ())}

"""A crew: forked processes that serve one stand together, one a device, and end with it.

A process of its own gives each stand its own share of a device's memory, its own cap on it, and back all of it
when it ends. The fork comes from a process that has imported everything and has never used a GPU.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NoReturn

from llm_claims.workloads.processes.lifeline import die_with_parent
from llm_claims.workloads.program import ToldInFull
from llm_claims.workloads.protocol import Answer, Request, read_answer

Serve = Callable[[], Callable[[str], str]]
"""Builds what serves, in the process where it serves: a line in, a line out."""

_FORK = get_context("fork")
_END_SECONDS = 5.0


class CrewError(ToldInFull):
    """A process of a crew died, or its processes saw different runs."""


class Crew:
    """``degree`` processes, each of which answers every request; the first one's answer counts."""

    def __init__(self, serve: Serve, degree: int) -> None:
        port = _free_port()
        self._lines: list[Connection] = []
        self._processes: list[BaseProcess] = []
        for rank in range(degree):
            ours, theirs = _FORK.Pipe()
            environment = {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(degree),
                "LOCAL_SIZE": str(degree),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
            process = _FORK.Process(target=_live, args=(serve, theirs, environment, os.getpid()))
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)

    def ask(self, request: Request) -> Answer:
        """Have every process answer, and return what the first said if all saw the same.

        Raises
        ------
        CrewError
            A process died, or another saw another run.
        """
        said: dict[int, Answer] = {}
        with self._death_told():
            for line in self._lines:
                line.send(request.model_dump_json())
            while len(said) < len(self._lines):
                # The first to die tells why; the others only miss it, and would wait for long.
                open_ones = {line: rank for rank, line in enumerate(self._lines) if rank not in said}
                for ready in wait(list(open_ones)):
                    assert isinstance(ready, Connection)
                    said[open_ones[ready]] = read_answer(ready.recv(), type(request.workload))
        first = said[0]
        for rank, other in said.items():
            if (other.outcome, other.witness) != (first.outcome, first.witness):
                raise CrewError(f"ranks 0 and {rank} saw different runs: {first!r:.400} and {other!r:.400}")
        return first

    @contextlib.contextmanager
    def _death_told(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError):
            # A line breaks a moment before its process has ended, and so does what tells of its end.
            going = wait([one.sentinel for one in self._processes], _END_SECONDS)
            for process in self._processes:
                if process.sentinel in going:
                    process.join(_END_SECONDS)
            ended = [f"rank {rank}: {one.exitcode}" for rank, one in enumerate(self._processes) if not one.is_alive()]
            self.close()
            raise CrewError(f"a serving process ended, exit status of {', '.join(ended) or 'none'}") from None

    def close(self) -> None:
        """End all processes, and with them what they hold."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        for line in self._lines:
            line.close()


def _live(serve: Serve, line: Connection, environment: dict[str, str], parent: int) -> NoReturn:
    die_with_parent(parent)
    os.environ.update(environment)
    answer = serve()
    with contextlib.suppress(EOFError, OSError):
        while True:
            line.send(answer(line.recv()))
    os._exit(0)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

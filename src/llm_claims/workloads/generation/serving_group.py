"""A crew: forked processes that serve one stand together, one a device, and end with it.

A process of its own gives each stand its own share of a device's memory, its own cap on it, and back all of it
when it ends. The fork comes from a process that has imported everything and has never used a GPU.
"""

from __future__ import annotations

from collections.abc import Callable

from llm_claims.workloads.llm.ranks import Ranks, agreed
from llm_claims.workloads.processes.fork import ForkChannel
from llm_claims.workloads.protocol import Answer, Request, read_answer

Serve = Callable[[], Callable[[str], str]]
"""Builds what serves, in the process where it serves: a line in, a line out."""


class ServingGroup:
    """``degree`` processes, each of which answers every request; the first one's answer counts."""

    def __init__(self, serve: Serve, degree: int) -> None:
        def work(channel: ForkChannel) -> None:
            answer = serve()
            while True:
                channel.send(answer(channel.receive()))

        self._ranks = Ranks.local(work, degree)

    def ask(self, request: Request) -> Answer:
        """Have every process answer, and return what the first said if all saw the same.

        Raises
        ------
        RankError
            A process failed, or another saw another run.
        """
        self._ranks.send(request.model_dump_json())
        return agreed([read_answer(line, type(request.workload)) for line in self._ranks.receive()])

    def close(self) -> None:
        """End all processes, and with them what they hold."""
        self._ranks.end()

"""A serving group: forked processes, one for each device, that serve one loaded model together.

Processes of its own let each loaded model have its own cap on device memory, and free all of the memory when they
end. They are forked from a process that has imported everything and has never initialized a GPU.
"""

from __future__ import annotations

from collections.abc import Callable

from llm_claims.workloads.llm.ranks import Ranks, agreed
from llm_claims.workloads.processes.fork import ForkChannel
from llm_claims.workloads.protocol import Answer, Request, read_answer

Serve = Callable[[], Callable[[str], str]]
"""Called in each process: returns the function that answers a request, both as lines of JSON."""


class ServingGroup:
    """``degree`` processes, each of which answers every request; the answer of the first is used."""

    def __init__(self, serve: Serve, degree: int) -> None:
        def work(channel: ForkChannel) -> None:
            answer = serve()
            while True:
                channel.send(answer(channel.receive()))

        self._ranks = Ranks.local(work, degree)

    def ask(self, request: Request) -> Answer:
        """Send every process the request, and return the first one's answer if all outcomes and witnesses are equal.

        Raises
        ------
        RankError
            A process failed, or outcomes or witnesses differ.
        """
        self._ranks.send(request.model_dump_json())
        return agreed([read_answer(line, type(request.workload)) for line in self._ranks.receive()])

    def close(self) -> None:
        """End all processes, which frees their memory."""
        self._ranks.end()

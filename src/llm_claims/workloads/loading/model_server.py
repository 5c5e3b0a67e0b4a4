"""The model server: what serves a model beside it, reduced to the host memory that it takes."""

from __future__ import annotations

import sys

from llm_claims.workloads.loading import heap
from llm_claims.workloads.loading.memory_cap import MemoryCap
from llm_claims.workloads.loading.resident import anonymous_bytes
from llm_claims.workloads.processes.process import Command, Ended

HEAP_TO_WEIGHTS = 1 / 13.5
"""The server's heap over the weights: DJL Serving's images start their Java machine with ``-Xms1g -Xmx1g``
(``JAVA_OPTS`` of ``serving/docker/deepspeed.Dockerfile`` in github.com/deepjavalibrary/djl-serving), and a
7B model in fp16 weighs 13.5 GB."""


class ModelServer:
    """A resident process with a heap of ``heap_bytes``, within ``cap`` if there is one.

    It stands at first, with an interpreter and an empty heap, and holds its heap from `hold` to `close`.
    It is started anew and not forked, so that it shares no page with anyone.
    """

    def __init__(self, heap_bytes: int, cap: MemoryCap | None) -> None:
        self._heap_bytes = max(1, heap_bytes)
        self._cap = cap
        place = [] if cap is None else [str(cap.path / "cgroup.procs")]
        self._process = Command([sys.executable, "-I", "-S", heap.__file__, str(self._heap_bytes), *place])
        try:
            self._process.read_line()
        except Ended as ended:
            self.close()
            raise RuntimeError(f"the model server did not start: {ended}") from None

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def hold(self) -> bool:
        """Have it touch every page of its heap; return whether it lived to tell."""
        try:
            self._process.write_line("hold")
            return self._process.read_line() == "holding"
        except Ended:
            return False

    def holds(self) -> bool:
        """Whether it lives, in the cap if there is one, and the kernel counts the whole heap as resident."""
        inside = self._cap is None or self.pid in self._cap.members
        return inside and anonymous_bytes(self.pid) >= self._heap_bytes

    def close(self) -> None:
        """End it."""
        self._process.end()

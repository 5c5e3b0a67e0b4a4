"""A stand-in for the model server that runs beside a model: a process that takes as much host memory."""

from __future__ import annotations

import sys

from llm_claims.workloads.loading import heap
from llm_claims.workloads.loading.memory_cap import MemoryCap
from llm_claims.workloads.loading.resident import anonymous_bytes
from llm_claims.workloads.processes.process import Command, Ended

HEAP_TO_WEIGHTS = 1 / 13.5
"""The server's heap over the weights: DJL Serving's images start their Java virtual machine with ``-Xms1g -Xmx1g``
(``JAVA_OPTS`` of ``serving/docker/deepspeed.Dockerfile`` in github.com/deepjavalibrary/djl-serving), and a
7B model in fp16 weighs 13.5 GB."""


class ModelServer:
    """A process with a heap of ``heap_bytes``, inside ``cap`` if there is one.

    At first its heap is empty; from `hold` to `close` all of its heap is resident. It is started as a new program and
    not forked, so that it shares no memory with this process.
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
        """The id of the server's process."""
        return self._process.pid

    def hold(self) -> bool:
        """Have the server touch every page of its heap; return whether it survived that."""
        try:
            self._process.write_line("hold")
            return self._process.read_line() == "holding"
        except Ended:
            return False

    def holds(self) -> bool:
        """Whether the server runs, inside the cap if there is one, with its whole heap resident."""
        inside = self._cap is None or self.pid in self._cap.members
        return inside and anonymous_bytes(self.pid) >= self._heap_bytes

    def close(self) -> None:
        """End the server."""
        self._process.end()

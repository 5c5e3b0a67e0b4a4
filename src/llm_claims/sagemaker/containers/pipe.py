"""Starts a program in a container, and talks to it by its standard input and output.

What the program writes to standard error goes to the container's log. Python 3.8 syntax; imports the standard library
alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llm_claims.sagemaker.containers.host_memory import kills_for_memory
from llm_claims.workloads.processes.process import Command, Ended

_GRACE_SECONDS = 10.0


class ProgramEnded(Exception):
    """The program ended without an answer; ``answer`` says how it ended, in the form of the protocol's `Answer`."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer["outcome"]["signature"])
        self.answer = answer


class Pipe:
    """Starts a program when it is first needed, and again after it has ended; sends it one request at a time.

    A request to load a model is the first request of its process: the memory of loading is measured, and a process that
    has loaded a model before has used that memory already. So the program is started anew for it, if necessary.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
        self._command, self._environment, self._folder = list(command), dict(environment), folder
        self._kills = 0
        self._lock = threading.Lock()
        self._process: Command | None = None
        self._ready: dict[str, Any] = {}
        self._asked = False

    def ready(self) -> dict[str, Any]:
        """Start the program if it is not running; return the `Ready` message that it began with.

        Raises
        ------
        ProgramEnded
            It ended before it was ready.
        """
        with self._lock:
            self._started()
            return self._ready

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the program's answer to a request.

        Raises
        ------
        ProgramEnded
            It ended before it answered.
        """
        with self._lock:
            if self._asked and request["workload"]["kind"] == "loading":
                self._end()
            process = self._started()
            self._asked = True
            with self._end_as_answer("while it ran a request"):
                process.write_line(json.dumps(request))
                answer: dict[str, Any] = json.loads(process.read_line())
            return answer

    def close(self) -> None:
        """End the program, if it is running."""
        with self._lock:
            self._end()

    def _started(self) -> Command:
        """Return the running program; if there is none, start it and wait until it is ready."""
        if self._process is None:
            self._kills, self._asked = kills_for_memory(), False
            self._process = Command(self._command, self._environment, self._folder, captured=False)
            with self._end_as_answer("while setting up"):
                self._ready = json.loads(self._process.read_line())
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(_GRACE_SECONDS)

    @contextlib.contextmanager
    def _end_as_answer(self, when: str) -> Iterator[None]:
        """Raise `ProgramEnded` if the program ends meanwhile.

        The outcome is "out of memory" only if the program was killed and the kernel has counted a kill for lack of
        memory since the program was started; else it is "failed".
        """
        try:
            yield
        except Ended as ended:
            self._end()
            signature = f"the program died {when}: {ended}"
            kills = kills_for_memory() - self._kills
            out_of_memory = ended.status == -signal.SIGKILL and kills > 0
            if out_of_memory:
                signature += f"; the kernel counts {kills} kill(s) for lack of memory"
            outcome = {"kind": "out_of_memory" if out_of_memory else "failed", "signature": signature}
            raise ProgramEnded({"outcome": outcome, "witness": {"model_server": model_server_resident()}}) from None


def model_server_resident() -> bool:
    """Whether a model server runs in this container: DJL's is the only Java program there."""
    return any(name.startswith("java") for name in _processes())


def _processes() -> list[str]:
    names = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm", encoding="utf-8", errors="replace") as comm:
                    names.append(comm.read().strip())
            except OSError:
                continue  # the process has ended meanwhile
    return names

"""A program in a container, asked over its standard streams. Python 3.8 syntax, and the standard library alone.

What the program writes to standard error is the container's log.
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
    """The program is gone; ``answer`` is what there is to say of it, as an `Answer` of the protocol."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer["outcome"]["signature"])
        self.answer = answer


class Pipe:
    """One program, which answers one request at a time; started when it is first needed, and again once it has died.

    Loading is measured in a process that has loaded nothing, so a loading is never a process's second request.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
        self._command, self._environment, self._folder = list(command), dict(environment), folder
        self._kills = 0
        self._lock = threading.Lock()
        self._process: Command | None = None
        self._ready: dict[str, Any] = {}
        self._asked = False

    def ready(self) -> dict[str, Any]:
        """Return what the program said when it stood.

        Raises
        ------
        ProgramEnded
            It never did.
        """
        with self._lock:
            self._stand()
            return self._ready

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the program's answer to a request.

        Raises
        ------
        ProgramEnded
            It died over it.
        """
        with self._lock:
            if self._asked and request["workload"]["kind"] == "loading":
                self._end()
            process = self._stand()
            self._asked = True
            with self._death_told("while it ran a request"):
                process.write_line(json.dumps(request))
                answer: dict[str, Any] = json.loads(process.read_line())
            return answer

    def close(self) -> None:
        """End the program, if one runs."""
        with self._lock:
            self._end()

    def _stand(self) -> Command:
        if self._process is None:
            self._kills, self._asked = kills_for_memory(), False
            self._process = Command(self._command, self._environment, self._folder, captured=False)
            with self._death_told("while setting up"):
                self._ready = json.loads(self._process.read_line())
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(_GRACE_SECONDS)

    @contextlib.contextmanager
    def _death_told(self, when: str) -> Iterator[None]:
        """Tell how the program ended: for want of memory only where the kernel counted a kill for it."""
        try:
            yield
        except Ended as ended:
            self._end()
            signature = f"the program died {when}: {ended}"
            kills = kills_for_memory() - self._kills
            short = ended.status == -signal.SIGKILL and kills > 0
            if short:
                signature += f"; the kernel counts {kills} kill(s) for want of memory"
            outcome = {"kind": "out_of_memory" if short else "failed", "signature": signature}
            raise ProgramEnded({"outcome": outcome, "witness": {"model_server": model_server_resident()}}) from None


def model_server_resident() -> bool:
    """Whether a Java virtual machine, which DJL's model server is, runs in this container."""
    return any(name.startswith("java") for name in _processes())


def _processes() -> list[str]:
    names = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm", encoding="utf-8", errors="replace") as comm:
                    names.append(comm.read().strip())
            except OSError:
                continue  # it has ended meanwhile
    return names

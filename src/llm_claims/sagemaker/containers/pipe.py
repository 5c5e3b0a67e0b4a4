"""A program in a container, asked over its standard streams. Python 3.8 syntax, and the standard library alone.

What the program writes to standard error is the container's log.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from llm_claims.sagemaker.containers.host_memory import kills_for_memory


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
        self._process: subprocess.Popen[str] | None = None
        self._ready: dict[str, Any] | None = None
        self._asked = False

    def ready(self) -> dict[str, Any]:
        """Return what the program said when it stood.

        Raises
        ------
        ProgramEnded
            It never did.
        """
        with self._lock:
            return self._stand()

    def _stand(self) -> dict[str, Any]:
        if self._process is None:
            self._kills = kills_for_memory()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                cwd=self._folder,
                universal_newlines=True,
            )
            self._asked = False
            self._ready = self._hear(self._process, "while setting up")
        assert self._ready is not None
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
            self._stand()
            assert self._process is not None
            assert self._process.stdin is not None
            self._asked = True
            with contextlib.suppress(BrokenPipeError):  # how it ended is read below
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            return self._hear(self._process, "while it ran a request")

    def _hear(self, process: subprocess.Popen[str], when: str) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            self._process = None
            raise ProgramEnded(self._epitaph(process.wait(), when))
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    def _epitaph(self, status: int, when: str) -> dict[str, Any]:
        """Tell how the program ended: for want of memory only where the kernel counted a kill for it."""
        signature = f"the program died {when}: {_said(status)}"
        kills = kills_for_memory() - self._kills
        short = status == -signal.SIGKILL and kills > 0
        if short:
            signature += f"; the kernel counts {kills} kill(s) for want of memory"
        outcome = {"kind": "out_of_memory" if short else "failed", "signature": signature}
        return {"outcome": outcome, "witness": {"model_server": model_server_resident()}}

    def _end(self) -> None:
        """End the program: its input ends, then it is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.close()
            process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the program, if one runs."""
        with self._lock:
            self._end()


def _said(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


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

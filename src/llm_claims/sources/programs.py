"""The programs that measure on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

from llm_claims.sources.base import Placed
from llm_claims.sources.process import ProgramProcess
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.protocol import Answer, Ready, Request, Spent


class Programs:
    """One process for each command, started when it is first needed.

    ``program`` is the command for every kind of workload, in place of the kinds' own; ``timeout`` is in seconds.
    """

    def __init__(self, hardware: Hardware, program: Sequence[str], timeout: float) -> None:
        self._hardware = hardware
        self._program = tuple(program)
        self._timeout = timeout
        self._processes: dict[tuple[str, ...], ProgramProcess] = {}
        self._starts: dict[tuple[str, ...], float] = {}

    def started(self, placed: Placed) -> tuple[Ready, Spent]:
        """Start the program of a workload if it does not run; return what it said then, and what that took now."""
        command = self.command(placed)
        program = self._processes.setdefault(command, ProgramProcess((*command, *self._checkpoints(placed))))
        began = time.monotonic()
        ready = program.start()
        seconds = time.monotonic() - began
        self._starts.setdefault(command, seconds)
        # If it ran already this took no time, and what it compiled then does not count again.
        compiling = min(seconds, ready.spent.compiling_seconds if ready.spent else 0.0)
        return ready, Spent(setup_seconds=seconds - compiling, compiling_seconds=compiling)

    def ask(self, placed: Placed, request: Request) -> Answer:
        """Return what the program of a workload, which was started, answers.

        Raises
        ------
        ProgramError
            It failed, took longer than the timeout, or said what cannot be understood.
        """
        return self._processes[self.command(placed)].ask(request, self._timeout)

    def start_seconds(self, placed: Placed) -> float:
        """How long the program of a workload took to start; 0 if it has not."""
        return self._starts.get(self.command(placed), 0.0)

    def command(self, placed: Placed) -> tuple[str, ...]:
        """Return the command that measures a workload, without what differs from machine to machine."""
        return self._program or type(placed.workload).command(self._hardware.device)

    def _checkpoints(self, placed: Placed) -> list[str]:
        """Arguments that tell a program of ours where weights are; not in provenance, which has their digest."""
        takes = type(placed.workload).takes_weights and not self._program
        return [f"--weights={name}={folder}" for name, folder in self._hardware.weights.items() if takes]

    def close(self) -> None:
        """End every process."""
        for process in self._processes.values():
            process.close()

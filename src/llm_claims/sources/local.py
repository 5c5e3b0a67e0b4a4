"""Evidence measured live on this machine's processor."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from llm_claims.errors import ClaimsError, ProgramError, Untestable
from llm_claims.evidence import Evidence
from llm_claims.programs.protocol import Request
from llm_claims.setting import Setting
from llm_claims.sources.base import Placed, SourceKind, refuse_secondary
from llm_claims.sources.growth import grown
from llm_claims.sources.machine import Machine
from llm_claims.sources.process import ProgramProcess
from llm_claims.sources.rounds import common_rounds
from llm_claims.sources.scaled import CPU_REFERENCE, check_here
from llm_claims.sources.store import EvidenceStore
from llm_claims.sources.takeover import take_over_passes, take_over_seeds
from llm_claims.workloads import Workload, seed_of

PROGRAMS: Mapping[str, Sequence[str]] = {
    "generation": (sys.executable, "-m", "llm_claims.programs.generate"),
    "training": (sys.executable, "-m", "llm_claims.programs.train"),
    "loading": (sys.executable, "-m", "llm_claims.programs.load"),
}
"""The command of the program of each kind of workload."""

FIRST_SEED = 1029


class CpuSource:
    """Live runs on this processor, one program process for each kind of workload.

    ``progress`` is called before each sample with what is measured, the round, the most rounds that
    may follow, and the seconds until the next look at the evidence (``None`` while nothing is known).
    """

    name = "cpu"
    kind: SourceKind = "cpu"
    measures_as: SourceKind = "cpu"
    always_here = True
    documented = False
    reference = CPU_REFERENCE

    def __init__(
        self,
        store: EvidenceStore,
        *,
        progress: Callable[[str, int, int, float | None], None] = lambda *_: None,
        programs: Mapping[str, Sequence[str]] = PROGRAMS,
        commit: str | None = None,
        sample_timeout: float = 120.0,
        most_rounds: int = 0,
    ) -> None:
        self._store = store
        self._progress = progress
        self._commands = programs
        self._programs = {command: ProgramProcess(command) for command in {tuple(one) for one in programs.values()}}
        self._machine = Machine(lambda: progress("waiting for another timed run on this machine", 0, most_rounds, None))
        self._commit = commit
        self._timeout = sample_timeout
        self._most_rounds = most_rounds
        self._seconds: dict[str, float] = {}

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields with the scaled configuration; refuse what this processor cannot measure."""
        asked = workload
        workload, on, note = self.reference.analogue(workload, on)
        if on is not None:
            raise Untestable(f"needs ml.{on.removeprefix('ml.')}; this is a CPU")
        refuse_secondary(setting, "the CPU")
        filled = workload.filled(self.reference.fields(workload))
        check_here(filled)
        return Placed(filled, note=note, asked=asked)

    def evidence(self, placed: Placed) -> Evidence:
        """Return what was measured so far in this run, or raise what went wrong."""
        failure = self._store.read_failure(self.name, placed)
        if failure is not None:
            raise ProgramError(failure)
        evidence = self._store.read(self.name, placed)
        if evidence is None:
            raise ProgramError(f"{placed.describe()} has not been measured in this run")
        return evidence

    def reused(self, placed: Placed) -> date | None:
        """The day of the oldest round that was taken over from an earlier run, if any was."""
        return self._store.reused(self.name, placed)

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        """Measure until all have ``rounds`` rounds in common: timed in passes, alone on this machine."""
        if not timed:
            for one in placed:
                self._draw_shared(one, rounds)
            return
        with self._machine.alone():
            take_over_passes(self._store, self.name, placed, rounds)
            while True:
                sound = [one for one in placed if self._store.read_failure(self.name, one) is None]
                common = self._common_rounds(sound)
                if not sound or common >= rounds:
                    return
                self._pass(sound, common + 1, rounds)

    def _draw_shared(self, one: Placed, rounds: int) -> None:
        """Measure one workload while others may measure too; its rounds count from 1, each with its own seed."""
        wanted = rounds if seed_of(one.workload) is None else 1
        with self._store.lock(self.name, one):
            take_over_seeds(self._store, self.name, one, wanted)
            while self._store.read_failure(self.name, one) is None:
                number = len(self._rounds(one)) + 1
                if number > wanted:
                    return
                with self._machine.shared():
                    self._progress(one.describe(), number, max(wanted, number), None)
                    self._try(one, number)

    def _rounds(self, one: Placed) -> tuple[int, ...]:
        known = self._store.read(self.name, one)
        return known.rounds if known else ()

    def _common_rounds(self, placed: Sequence[Placed]) -> float:
        return common_rounds({one: self._rounds(one) for one in placed})

    def _pass(self, placed: Sequence[Placed], ordinal: float, rounds: int) -> None:
        # One number for the whole pass, and none of another pass: workloads pair up only if they were interleaved.
        number = self._store.latest_round(self.name) + 1
        open_ones = [one for one in placed if seed_of(one.workload) is None or not self._rounds(one)]
        order = list(open_ones if number % 2 else reversed(open_ones))
        for position, one in enumerate(order):
            left = self._time_left(order, position, rounds - int(ordinal))
            self._progress(one.describe(), int(ordinal), max(self._most_rounds, rounds), left)
            if not self._rounds(one):
                self._store.mark_alone(self.name, one)
            self._try(one, number)

    def _time_left(self, order: Sequence[Placed], position: int, more_rounds: int) -> float | None:
        if any(one.key not in self._seconds for one in order):
            return None
        costs = [self._seconds[one.key] for one in order]
        return sum(costs[position:]) + more_rounds * sum(costs)

    def _try(self, one: Placed, number: int) -> None:
        """Measure one round, and remember what failed: nobody tries it again in this run."""
        started = time.monotonic()
        try:
            self._sample(one, number)
        except ClaimsError as error:
            self._store.write_failure(self.name, one, str(error))
        self._seconds[one.key] = time.monotonic() - started

    def _sample(self, placed: Placed, number: int) -> None:
        command = self._commands[placed.workload.kind]
        program = self._programs[tuple(command)]
        ready = program.start()
        request = Request(workload=placed.workload, round=number, seed=FIRST_SEED + number)
        answer = program.ask(request, self._timeout)
        known = self._store.read(self.name, placed)
        said = " ".join(["python", *command[1:]])
        evidence = grown(known, request, answer, ready, command=said, commit=self._commit)
        self._store.write(self.name, placed, evidence)

    def close(self) -> None:
        """End the programs."""
        for program in self._programs.values():
            program.close()

"""Evidence measured live on this machine's processor."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from filelock import Timeout

from llm_claims.errors import ClaimsError, ProgramError, Untestable
from llm_claims.evidence import Evidence
from llm_claims.programs.protocol import Request
from llm_claims.recordings import Reference
from llm_claims.setting import Setting
from llm_claims.sources.base import Placed, SourceKind, refuse_secondary
from llm_claims.sources.growth import grown
from llm_claims.sources.process import ProgramProcess
from llm_claims.sources.store import EvidenceStore, machine_lock
from llm_claims.workloads import Generation, Training, Workload

CPU_REFERENCE = Reference(
    generation=Generation(
        model="llama-30m",
        precision="fp32",
        engine="transformers",
        api="generate",
        tensor_parallel_degree=1,
        input_tokens=10,
        new_tokens=64,
    )
)
"""The scaled configuration: what a claim leaves open, a CPU fills with this."""

PROGRAM = (sys.executable, "-m", "llm_claims.programs.generate")
FIRST_SEED = 1029
WAIT_IN_SILENCE_SECONDS = 2.0


class CpuSource:
    """Live runs on this processor, one program process for all serving workloads.

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
        command: Sequence[str] = PROGRAM,
        commit: str | None = None,
        sample_timeout: float = 120.0,
        most_rounds: int = 0,
    ) -> None:
        self._store = store
        self._progress = progress
        self._command = command
        self._program = ProgramProcess(command)
        self._commit = commit
        self._timeout = sample_timeout
        self._most_rounds = most_rounds
        self._seconds: dict[str, float] = {}

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields with the scaled configuration; refuse what a processor cannot be."""
        if not isinstance(workload, Generation):
            what = "training" if isinstance(workload, Training) else "loading"
            raise Untestable(f"this version has no {what} program for the CPU: it measures only serving live")
        if on is not None:
            raise Untestable(f"needs ml.{on.removeprefix('ml.')}; this is a CPU")
        refuse_secondary(setting, "the CPU")
        filled = workload.filled(self.reference.fields(workload.kind))
        for field in ("engine", "tensor_parallel_degree", "model", "precision"):
            asked, here = getattr(filled, field), getattr(self.reference.generation, field)
            if asked != here:
                raise Untestable(f"the case needs {field}={asked}; the CPU serves {field}={here}")
        return Placed(filled)

    def evidence(self, placed: Placed) -> Evidence:
        """Return what was measured so far in this run, or raise what went wrong."""
        failure = self._store.read_failure(self.name, placed)
        if failure is not None:
            raise ProgramError(failure)
        evidence = self._store.read(self.name, placed)
        if evidence is None:
            raise ProgramError(f"{placed.describe()} has not been measured in this run")
        return evidence

    def draw(self, placed: Sequence[Placed], rounds: int) -> None:
        """Measure until all have ``rounds`` rounds in common, alone on this machine."""
        with self._alone():
            while True:
                sound = [one for one in placed if self._store.read_failure(self.name, one) is None]
                common = self._common_rounds(sound)
                if not sound or common >= rounds:
                    return
                self._pass(sound, common + 1, rounds)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the machine's lock; say so if that means waiting.

        Raises
        ------
        ProgramError
            The lock file cannot be used.
        """
        lock = machine_lock()
        try:
            try:
                lock.acquire(timeout=WAIT_IN_SILENCE_SECONDS)
            except Timeout:
                self._progress("waiting for another timed run on this machine", 0, self._most_rounds, None)
                lock.acquire()
        except OSError as error:
            raise ProgramError(
                f"the lock {lock.lock_file} cannot be used: {error}; name another in LLM_CLAIMS_LOCK"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _common_rounds(self, placed: Sequence[Placed]) -> int:
        known = [self._store.read(self.name, one) for one in placed]
        sets = [set(evidence.rounds) if evidence else set() for evidence in known]
        return len(set.intersection(*sets)) if sets else 0

    def _pass(self, placed: Sequence[Placed], ordinal: int, rounds: int) -> None:
        # One number for the whole pass, and none of another pass: workloads pair up only if they were interleaved.
        number = self._store.latest_round(self.name) + 1
        order = list(placed if number % 2 else reversed(placed))
        for position, one in enumerate(order):
            left = self._time_left(order, position, rounds - ordinal)
            self._progress(one.describe(), ordinal, max(self._most_rounds, rounds), left)
            started = time.monotonic()
            try:
                self._sample(one, number)
            except ClaimsError as error:
                self._store.write_failure(self.name, one, str(error))
            self._seconds[one.key] = time.monotonic() - started

    def _time_left(self, order: Sequence[Placed], position: int, more_rounds: int) -> float | None:
        if any(one.key not in self._seconds for one in order):
            return None
        costs = [self._seconds[one.key] for one in order]
        return sum(costs[position:]) + more_rounds * sum(costs)

    def _sample(self, placed: Placed, number: int) -> None:
        ready = self._program.start()
        request = Request(workload=placed.workload, round=number, seed=FIRST_SEED + number)
        answer = self._program.ask(request, self._timeout)
        known = self._store.read(self.name, placed)
        command = " ".join(["python", *self._command[1:]])
        evidence = grown(known, request, answer, ready, command=command, commit=self._commit)
        self._store.write(self.name, placed, evidence)

    def close(self) -> None:
        """End the program."""
        self._program.close()

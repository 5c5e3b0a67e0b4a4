"""Evidence measured live on this machine: on its processor, or on its GPUs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from statistics import fmean
from typing import Any

from llm_claims.document.setting import Setting
from llm_claims.errors import ClaimsError, Inconclusive, ProgramError, Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.times import Times
from llm_claims.sources.base import Cost, Placed, Source, refuse_secondary
from llm_claims.sources.growth import grown
from llm_claims.sources.machine import Machine
from llm_claims.sources.programs import Programs
from llm_claims.sources.rounds import common_rounds
from llm_claims.sources.store import EvidenceStore, Failure
from llm_claims.sources.times import Run
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.devices import Devices, states
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.llm.checkpoint import SMOLLM2
from llm_claims.workloads.protocol import Answer, Ready, Request, Spent

FIRST_SEED = 1029


class LocalSource(Source):
    """Live runs on this machine's hardware, one program process for each command.

    ``progress`` is called before each sample with what is measured, the round, the most rounds that
    may follow, and the seconds until the next look at the evidence (``None`` while nothing is known).
    ``program`` is the command for every kind of workload, in place of the kinds' own.
    ``time_budget`` is how many seconds after the first sample of the run the last one may begin.
    ``kept`` is called after each round, when the store has it.
    """

    live = True

    def __init__(
        self,
        hardware: Hardware,
        store: EvidenceStore,
        *,
        progress: Callable[[str, int, int, float | None], None] = lambda *_: None,
        program: Sequence[str] = (),
        commit: str | None = None,
        sample_timeout: float | None = None,
        most_rounds: int = 0,
        time_budget: float | None = None,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = hardware.name
        self.markers = (hardware.name, "live")
        self.always_here = hardware.always_here
        self.hardware = hardware
        self._store = store
        self._progress = progress
        self._programs = Programs(hardware, program, sample_timeout or hardware.sample_timeout_seconds)
        self._machine = Machine(lambda: progress("waiting for another timed run on this machine", 0, most_rounds, None))
        self._commit = commit
        self._most_rounds = most_rounds
        self._time_budget = time_budget
        self._kept = kept
        self._seconds: dict[str, float] = {}
        self._defaults: dict[type[Workload], Defaults[Any] | None] = {}

    def defaults(self) -> dict[str, Defaults[Any]]:
        """What fills open fields of each kind of workload that was measured."""
        kinds = {type(entry.workload) for entry in self.entries()}
        # As they were when it was measured: by now the driver may have died, or a checkpoint been replaced.
        found = {
            kind.model_fields["kind"].default: self._store.read_defaults(self.name, kind) or self._defaults_of(kind)
            for kind in kinds
        }
        return {name: defaults for name, defaults in found.items() if defaults is not None}

    def _defaults_of(self, kind: type[Workload]) -> Defaults[Any] | None:
        """What fills open fields of a kind; looked up once, as it takes reading whole checkpoints."""
        if kind not in self._defaults:
            self._defaults[kind] = kind.defaults_on(self.hardware)
        return self._defaults[kind]

    def _keep_defaults(self, kind: type[Workload]) -> None:
        """Keep what filled open fields, for the controlling process and the end of the run."""
        if (defaults := self._defaults_of(kind)) is not None:
            self._store.write_defaults(self.name, kind.model_fields["kind"].default, defaults)

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields with the defaults of this hardware; refuse what it cannot measure."""
        asked = workload
        defaults = self._defaults_of(type(workload))
        if defaults is None:
            raise Untestable(f"{workload.kind} has no defaults for {self.hardware.noun}, so it is not measured here")
        workload, on, note = defaults.analogue(workload, on)
        if on is not None:
            raise Untestable(f"needs ml.{on}; this is {self.hardware.noun}")
        refuse_secondary(setting, f"the {self.name.upper()}")
        filled = workload.filled(defaults.fields_for(workload))
        filled.check(self.hardware)
        return Placed(filled, note=note, asked=asked)

    def check_timed(self, placed: Placed) -> None:
        """Refuse times that mean nothing on this hardware."""
        placed.workload.check_timed(self.hardware)

    def entries(self) -> list[Evidence]:
        """All evidence that was measured in this run."""
        return self._store.entries(self.name)

    @property
    def is_complete(self) -> bool:
        """Whether no time budget ended while more was to be measured."""
        return not self._store.is_out_of_time(self.name)

    def remarks(self) -> Iterator[str]:
        """Yield which checkpoints no run started from, though somebody has named them."""
        runs = [entry.workload.stated() for entry in self.entries()]
        used = {run.get("model") for run in runs if "weights" in run}
        for name in self.hardware.weights if runs else ():
            if name not in used and name != SMOLLM2:  # which is here without being named
                yield f"{self.name}: --weights {name}: no run started from it, since no claim asks for it pretrained"

    def times(self) -> Times | None:
        """What it spent its time on, from the first run of any process to the last."""
        return self._store.times(self.name)

    def evidence(self, placed: Placed) -> Evidence:
        """Return what was measured so far in this run, or raise what went wrong."""
        if failure := self._store.read_failure(self.name, placed):
            failure.reraise()
        evidence = self._store.read(self.name, placed)
        if evidence is None and self._out_of_time():
            raise Inconclusive(f"the time budget of {self._time_budget:g} s ended before this was measured")
        if evidence is None:
            raise ProgramError(f"{placed.describe()} has not been measured in this run")
        return evidence

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        """Measure until all have ``rounds`` rounds in common: timed in passes, alone on this machine.

        When the time budget has ended, nothing further is measured.
        """
        self._take_devices()
        if not timed:
            # Round by round, so that there are some in common when the time budget ends.
            for number in range(1, rounds + 1):
                for one in placed:
                    self._draw_shared(one, number, rounds)
            return
        with self._machine.alone():
            while True:
                sound = [one for one in placed if self._store.read_failure(self.name, one) is None]
                common = self._common_rounds(sound)
                if not sound or common >= rounds:
                    return
                if self._out_of_time():
                    self._refuse_unpaired(common)
                    return
                self._pass(sound, common + 1, rounds)

    def _refuse_unpaired(self, common: float) -> None:
        """Refuse workloads that have no round in common; further rounds could only have narrowed the interval."""
        if not common:
            raise Inconclusive(
                f"the time budget of {self._time_budget:g} s ended before these were measured in one pass"
            )

    def _draw_shared(self, one: Placed, number: int, rounds: int) -> None:
        """Measure a round of one workload, unless it is there, while others may be measured too.

        Rounds count from 1, each with its own seed.
        """
        if one.workload.fixed_seed is not None and number > 1:
            return
        with self._store.lock(self.name, one):
            measured = number <= len(self._rounds(one)) or self._store.read_failure(self.name, one) is not None
            if measured or self._out_of_time():
                return
            with self._machine.shared() if self.hardware.shares else self._machine.alone():
                self._progress(one.describe(), number, rounds, None)
                self._try(one, number)

    def _take_devices(self) -> None:
        """Once a run, before anything runs on the devices, note their state and start the clock of the time budget."""
        with self._store.once(self.name) as first:
            if first and (devices := self.hardware.take()) is not None:
                self._store.write_devices(self.name, devices)

    def cost(self, placed: Sequence[Placed]) -> Cost | None:
        """What a first round of these takes, with the start of their programs, and what a later one takes."""
        rounds = [self._store.read_seconds(self.name, one) for one in placed]
        if not all(rounds):
            return None
        starts = max(map(self._programs.start_seconds, placed))
        return Cost(starts + sum(one[0] for one in rounds), sum(fmean(one[1:] or one) for one in rounds))

    def has_time_for(self, placed: Sequence[Placed], rounds: int, planned: Collection[Placed]) -> bool:
        """Whether the time budget allows ``rounds`` rounds; those that are measured already it always does.

        Enough has to be left for each workload that waits for its first round: what one took on average so far.
        """
        if self._time_budget is None or self._common_rounds(placed) >= rounds:
            return True
        started = {one for one in planned if self._was_measured(one)}
        waiting = [one for one in planned if one not in started]
        times = self.times()
        took = times.busy if times else 0.0
        return not self._out_of_time(reserve=len(waiting) * took / max(len(started), 1))

    def _was_measured(self, one: Placed) -> bool:
        known = self._store.read(self.name, one) or self._store.read_failure(self.name, one)
        return known is not None

    def _out_of_time(self, reserve: float = 0.0) -> bool:
        """Whether the time budget has ended, or less is left of it than a reserve in seconds."""
        if self._time_budget is None:
            return False
        over = time.monotonic() - self._store.since(self.name) > self._time_budget - reserve
        if over:
            self._store.mark_out_of_time(self.name)
        return over

    def devices(self) -> Devices | None:
        """The devices of this run, as they were before its first sample and as they are now, if it looked at any."""
        taken = self._store.read_devices(self.name)
        if taken is None:
            return None
        try:
            return taken.model_copy(update={"end": states()})
        except Untestable:
            # A driver that died since does not change what was measured before.
            return taken

    def _rounds(self, one: Placed) -> tuple[int, ...]:
        known = self._store.read(self.name, one)
        return known.rounds if known else ()

    def _common_rounds(self, placed: Sequence[Placed]) -> float:
        return common_rounds({one: self._rounds(one) for one in placed})

    def _pass(self, placed: Sequence[Placed], ordinal: float, rounds: int) -> None:
        # The pass has one number of its own: only samples of one pass pair up.
        number = self._store.latest_round(self.name) + 1
        open_ones = [one for one in placed if one.workload.fixed_seed is None or not self._rounds(one)]
        order = list(open_ones if number % 2 else reversed(open_ones))
        for position, one in enumerate(order):
            if self._out_of_time():
                return
            left = self._time_left(order, position, rounds - int(ordinal))
            self._progress(one.describe(), int(ordinal), max(self._most_rounds, rounds), left)
            self._try(one, number)

    def _time_left(self, order: Sequence[Placed], position: int, more_rounds: int) -> float | None:
        if any(one.key not in self._seconds for one in order):
            return None
        costs = [self._seconds[one.key] for one in order]
        return sum(costs[position:]) + more_rounds * sum(costs)

    def _try(self, one: Placed, number: int) -> None:
        """Measure one round; remember a failure, so that it is not tried again in this run."""
        started = time.monotonic()
        spent = Spent()
        try:
            ready, spent = self._programs.started(one)
            request = Request(workload=one.workload, round=number, seed=FIRST_SEED + number)
            answer = self._programs.ask(one, request)
            spent += answer.spent or Spent()
            self._keep(one, request, answer, ready)
        except ClaimsError as error:
            self._store.write_failure(self.name, one, Failure(text=str(error)))
        except Untestable as reason:
            self._store.write_failure(self.name, one, Failure(cause="not_measured", text=str(reason)))
        ended = time.monotonic()
        self._seconds[one.key] = ended - started
        told = (spent.setup_seconds, spent.compiling_seconds, spent.measuring_seconds)
        self._store.note_run(self.name, Run(started, ended, *told))
        self._store.note_seconds(self.name, one, ended - started)

    def _keep(self, placed: Placed, request: Request, answer: Answer, ready: Ready) -> None:
        """Add a round to the evidence, if it was what was asked."""
        known = self._store.read(self.name, placed)
        said = " ".join(["python", *self._programs.command(placed)[1:]])
        evidence = grown(known, request, answer, ready, device=self.hardware.device, command=said, commit=self._commit)
        # First, so that a run that is killed leaves no evidence without them.
        self._keep_defaults(type(placed.workload))
        self._store.write(self.name, placed, evidence)
        self._kept()

    def close(self) -> None:
        """End the programs."""
        self._programs.close()

"""The evidence of this run, in files that every test and every xdist worker reads."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NoReturn

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from llm_claims.document.files import write_atomically
from llm_claims.errors import Inconclusive, ProgramError, Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.times import Times
from llm_claims.sources.base import Placed
from llm_claims.sources.times import Run, times_of
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.devices import Devices


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="llm-claims-"))


class Failure(BaseModel):
    """Why something could not be measured.

    ``cause`` is "fault" where something went wrong, "no_capacity" where AWS had no machine, which says nothing of the
    claim, "out_of_budget" where the run was not allowed to spend more, and "not_measured" where the program cannot
    run what was asked for, or something else ran, and it said so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cause: Literal["fault", "no_capacity", "out_of_budget", "not_measured"] = "fault"
    text: str

    def reraise(self) -> NoReturn:
        """Raise it as what it means for a case.

        Raises
        ------
        Inconclusive, Untestable, ProgramError
            No capacity; out of budget, or not measured; a fault.
        """
        untestable = {"out_of_budget": Untestable, "not_measured": Untestable}
        raise {"no_capacity": Inconclusive, "fault": ProgramError, **untestable}[self.cause](self.text)


class EvidenceStore:
    """A folder with one file of evidence for each placed workload; ``make`` makes the folder when it is first needed.

    Files are replaced whole. A writer holds the workload's lock, or has the machine alone. Evidence only grows
    during a run, so two files can be read one after the other without a lock.
    """

    def __init__(self, folder: Path | None = None, *, make: Callable[[], Path] = _temporary_folder) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._make = make

    @property
    def folder(self) -> Path:
        """The folder, made when it is first needed: most runs of pytest never measure."""
        if self._folder is None:
            self._folder = self._make()
        return self._folder

    @property
    def is_open(self) -> bool:
        """Whether the folder was made: something may have been measured."""
        return self._folder is not None

    def remove(self) -> None:
        """Remove the folder with all evidence of this run."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, source: str, placed: Placed) -> Path:
        try:
            (self.folder / source).mkdir(exist_ok=True)
        except FileNotFoundError:
            # Not made anew: a process that outlived its run would leave a folder behind.
            raise ProgramError(f"the run's evidence in {self.folder} was removed: the run is over") from None
        return self.folder / source / f"{placed.key}.json"

    def lock(self, source: str, placed: Placed) -> FileLock:
        """The lock under which a placed workload is measured, so that it is measured once."""
        return FileLock(self._path(source, placed).with_suffix(".lock"))

    def read(self, source: str, placed: Placed) -> Evidence | None:
        """Return what was measured so far in this run, if anything."""
        path = self._path(source, placed)
        return _evidence(path) if path.exists() else None

    def write(self, source: str, placed: Placed, evidence: Evidence) -> None:
        """Replace the evidence of one placed workload."""
        write_atomically(self._path(source, placed), evidence.model_dump_json(exclude_none=True))

    def write_failure(self, source: str, placed: Placed, failure: Failure) -> None:
        """Remember that a placed workload could not be measured, so that it is not tried again in this run."""
        write_atomically(self._path(source, placed).with_suffix(".failed"), failure.model_dump_json())

    def read_failure(self, source: str, placed: Placed) -> Failure | None:
        """Return why a placed workload could not be measured, if that happened."""
        path = self._path(source, placed).with_suffix(".failed")
        return Failure.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def note_seconds(self, source: str, placed: Placed, seconds: float) -> None:
        """Note how long a round of a placed workload took: the first with its set-up."""
        with self._path(source, placed).with_suffix(".seconds").open("a", encoding="utf-8") as stream:
            stream.write(f"{seconds}\n")

    def read_seconds(self, source: str, placed: Placed) -> list[float]:
        """Return how long each round of a placed workload took in this run."""
        path = self._path(source, placed).with_suffix(".seconds")
        return [float(line) for line in path.read_text(encoding="utf-8").split()] if path.exists() else []

    def entries(self, source: str) -> list[Evidence]:
        """All evidence of one source in this run, in a stable order; without workloads that failed later."""
        paths = sorted(self._files(source, "*.json"))
        return [_evidence(path) for path in paths if not path.with_suffix(".failed").exists()]

    def latest_round(self, source: str) -> int:
        """Return the highest round that any workload of a source has, 0 if none has one."""
        rounds = [_evidence(path).rounds for path in self._files(source, "*.json")]
        return max((number for those in rounds for number in those), default=0)

    def _files(self, source: str, pattern: str) -> list[Path]:
        return [] if self._folder is None else list((self._folder / source).glob(pattern))

    # One file for a whole source

    @contextmanager
    def once(self, source: str) -> Iterator[bool]:
        """Yield true to the first caller of this run, for each source; others wait for its end and get false."""
        done = self._of(source, "began")
        if done.exists():
            yield False
            return
        with FileLock(self._of(source, "began.lock")):
            first = not done.exists()
            yield first
            if first:
                write_atomically(done, str(time.monotonic()))

    def since(self, source: str) -> float:
        """When a source began to measure in this run, by the machine's monotonic clock, in s; now, if it has not.

        All processes of a machine share that clock, and nobody sets it.
        """
        began = self._of(source, "began")
        return float(began.read_text(encoding="utf-8")) if began.exists() else time.monotonic()

    def mark_out_of_time(self, source: str) -> None:
        """Remember that a source's time budget ended while more was to be measured."""
        self._of(source, "out-of-time").touch()

    def is_out_of_time(self, source: str) -> bool:
        """Whether a source's time budget ended while more was to be measured."""
        return self._folder is not None and self._of(source, "out-of-time").exists()

    def note_run(self, source: str, run: Run) -> None:
        """Note what a run of a source spent its time on."""
        with self._of(source, "runs").open("a", encoding="utf-8") as stream:
            stream.write(f"{run.line()}\n")

    def times(self, source: str) -> Times | None:
        """Return what a source spent its time on in this run, if it measured anything."""
        path = self._folder and self._of(source, "runs")
        if path is None or not path.exists():
            return None
        return times_of(map(Run.of_line, path.read_text(encoding="utf-8").splitlines()))

    def write_devices(self, source: str, devices: Devices) -> None:
        """Keep the state of a source's devices from before the first run on them."""
        write_atomically(self._of(source, "devices"), devices.model_dump_json())

    def read_devices(self, source: str) -> Devices | None:
        """Return the devices of a source, if any were looked at."""
        path = self._of(source, "devices")
        return Devices.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def write_defaults(self, source: str, kind: str, defaults: Defaults[Any]) -> None:
        """Keep what fills open fields of a kind of workload, unless another process did already."""
        path = self._of(source, f"{kind}.defaults")
        if not path.exists():
            with suppress(FileExistsError):
                write_atomically(path, defaults.model_dump_json(exclude_none=True), new=True)

    def read_defaults(self, source: str, kind: type[Workload]) -> Defaults[Any] | None:
        """Return the defaults of a kind of workload that were kept, if any were."""
        path = self._of(source, f"{kind.model_fields['kind'].default}.defaults")
        if not path.exists():
            return None
        return kind.defaults_type().model_validate_json(path.read_text(encoding="utf-8"), strict=True)

    def _of(self, source: str, name: str) -> Path:
        """The path of a file about the source as a whole."""
        folder = self.folder / source
        folder.mkdir(exist_ok=True)
        return folder / f"source.{name}"


def _evidence(path: Path) -> Evidence:
    return Evidence.model_validate_json(path.read_text(encoding="utf-8"))

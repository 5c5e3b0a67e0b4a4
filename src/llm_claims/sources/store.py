"""Evidence gathered in this run, shared by every test and every xdist worker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from llm_claims.errors import ProgramError
from llm_claims.evidence import Evidence
from llm_claims.files import write_atomically
from llm_claims.sources.base import Placed


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="llm-claims-"))


class EvidenceStore:
    """A folder with one file of evidence a placed workload; ``make`` makes it, if none is given.

    Readers never see half a file; writers hold the workload's lock, or measure alone on the machine.
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

    def remove(self) -> None:
        """Remove the folder with all evidence of this run."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, source: str, placed: Placed) -> Path:
        try:
            (self.folder / source).mkdir(exist_ok=True)
        except FileNotFoundError:
            # Never made anew: who was left behind by a run that is over would leave a folder behind.
            raise ProgramError(f"the run's evidence in {self.folder} was removed: the run is over") from None
        return self.folder / source / f"{placed.key}.json"

    def lock(self, source: str, placed: Placed) -> FileLock:
        """The lock that whoever measures one placed workload holds: nobody measures it twice."""
        return FileLock(self._path(source, placed).with_suffix(".lock"))

    def read(self, source: str, placed: Placed) -> Evidence | None:
        """Return what has been measured so far, if anything."""
        path = self._path(source, placed)
        if not path.exists():
            return None
        return Evidence.model_validate_json(path.read_text(encoding="utf-8"))

    def write(self, source: str, placed: Placed, evidence: Evidence) -> None:
        """Replace the evidence of one placed workload."""
        write_atomically(self._path(source, placed), evidence.model_dump_json(exclude_none=True))

    def write_failure(self, source: str, placed: Placed, text: str) -> None:
        """Remember that a placed workload could not be measured: nobody tries it again in this run."""
        write_atomically(self._path(source, placed).with_suffix(".failed"), text)

    def read_failure(self, source: str, placed: Placed) -> str | None:
        """Return why a placed workload could not be measured, if that happened."""
        path = self._path(source, placed).with_suffix(".failed")
        return path.read_text(encoding="utf-8") if path.exists() else None

    def of_source(self, source: str) -> list[Evidence]:
        """Everything one source measured soundly in this run, in a stable order; nothing of what failed later."""
        paths = sorted((self.folder / source).glob("*.json"))
        sound = [path for path in paths if not path.with_suffix(".failed").exists()]
        return [Evidence.model_validate_json(path.read_text(encoding="utf-8")) for path in sound]

    def latest_round(self, source: str) -> int:
        """Return the highest round that any workload of a source has, 0 if none has one."""
        paths = (self.folder / source).glob("*.json")
        rounds = (Evidence.model_validate_json(path.read_text(encoding="utf-8")).rounds for path in paths)
        return max((number for those in rounds for number in those), default=0)

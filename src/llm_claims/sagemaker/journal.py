"""A journal of resources: each is written down before it is created, so that a killed run leaves no unknown ones."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from llm_claims.sagemaker.account import Place
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.names import RunId

JOURNAL_VARIABLE = "LLM_CLAIMS_JOURNAL"

ResourceType = Literal["training job", "endpoint", "endpoint config", "model", "schedule", "upload"]


@dataclass(frozen=True)
class Entry:
    """One resource that a run was about to create, where, and when (UTC)."""

    run: RunId
    type: ResourceType
    name: str
    place: Place
    at: datetime

    def is_in(self, place: Place) -> bool:
        """Whether a sweep of this account, region and bucket can find the resource."""
        same = (self.place.account, self.place.region) == (place.account, place.region)
        return same and (self.type != "upload" or self.place.bucket == place.bucket)


def default_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of journals: ``LLM_CLAIMS_JOURNAL``, else one in the user's state folder (XDG)."""
    given = os.environ if environment is None else environment
    if JOURNAL_VARIABLE in given:
        return Path(given[JOURNAL_VARIABLE])
    state = given.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "llm-claims" / "journal"


class Journal:
    """The journal of this process: one file in a folder that all processes of all runs share.

    The file is readable by its owner alone. A line is on the disk before a method returns: a process that is killed
    right after `intend` leaves the name for a sweep to look for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = f"{os.getpid()}-{secrets.token_hex(4)}.jsonl"

    def intend(self, run: RunId, resource_type: ResourceType, name: str, place: Place) -> None:
        """Write down that a resource is about to be created."""
        self._write(Entry(run, resource_type, name, place, datetime.now(UTC)), "create")

    def gone(self, entry: Entry) -> None:
        """Write down that no sweep has to look for a resource: it was removed, or is a job that has ended."""
        self._write(replace(entry, at=datetime.now(UTC)), "gone")

    def own_entries(self) -> list[Entry]:
        """Return the resources of this process that may exist: intended, and not known to be gone."""
        return _open_entries([self.folder / self._file])

    def entries(self) -> list[Entry]:
        """Return the resources of all runs that may exist: intended by a process, and known to none to be gone."""
        return _open_entries(sorted(self.folder.glob("*.jsonl")))

    def _write(self, entry: Entry, event: str) -> None:
        path = self.folder / self._file
        new = not path.exists()
        if new:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        line = {
            "at": entry.at.isoformat(),
            "run": entry.run.text,
            "event": event,
            "kind": entry.type,
            "name": entry.name,
            **asdict(entry.place),
        }
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, json.dumps(line).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            _sync_folder(self.folder)


def _sync_folder(folder: Path) -> None:
    """Write a folder to the disk: only then is the name of a new file in it safe."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_entries(paths: Iterable[Path]) -> list[Entry]:
    """Return the entries of all files, in the order of their times, that no later line says are gone."""
    events: list[tuple[str, Entry]] = []
    for path in paths:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        events += [parsed for line in lines if (parsed := _parsed(line))]
    open_now: dict[tuple[str, str, Place], Entry] = {}
    for event, entry in sorted(events, key=lambda pair: pair[1].at):
        if event == "gone":
            open_now.pop((entry.type, entry.name, entry.place), None)
        else:
            open_now[entry.type, entry.name, entry.place] = entry
    return list(open_now.values())


def _parsed(line: str) -> tuple[str, Entry] | None:
    """Return event and entry of a line; None if it is no entry.

    A line may be cut short by a kill. The call that it announced was then never made.
    """
    try:
        read = json.loads(line)
        if read["kind"] not in get_args(ResourceType):
            return None
        place = Place(str(read["account"]), str(read["region"]), read["bucket"])
        entry = Entry(RunId(read["run"]), read["kind"], str(read["name"]), place, datetime.fromisoformat(read["at"]))
        return str(read["event"]), entry
    except (ValueError, KeyError, TypeError, SetUpError):
        return None

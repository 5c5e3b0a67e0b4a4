"""What this run is about to create, written down before it does."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.names import RunId

JOURNAL_VARIABLE = "LLM_CLAIMS_JOURNAL"

ResourceKind = Literal["training job", "endpoint", "endpoint config", "model", "schedule", "upload"]


@dataclass(frozen=True)
class Entry:
    """One resource that a run was about to create, and when it wrote that down."""

    run: RunId
    kind: ResourceKind
    name: str
    at: datetime


def default_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where journals are kept: ``LLM_CLAIMS_JOURNAL``, else below the user's folder for state."""
    given = os.environ if environment is None else environment
    if JOURNAL_VARIABLE in given:
        return Path(given[JOURNAL_VARIABLE])
    state = given.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "llm-claims" / "journal"


class Journal:
    """One process's file in a folder that all processes of all runs share.

    It is private, and holds names only. A line is on the disk before `intend` returns: whoever is killed
    right after it leaves a name to look for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = f"{os.getpid()}-{secrets.token_hex(4)}.jsonl"

    def intend(self, run: RunId, kind: ResourceKind, name: str) -> None:
        """Write down that a resource is about to be created."""
        self._write({"run": run.text, "event": "create", "kind": kind, "name": name})

    def gone(self, run: RunId, kind: ResourceKind, name: str) -> None:
        """Write down that a resource is known not to be there any more."""
        self._write({"run": run.text, "event": "gone", "kind": kind, "name": name})

    def mine(self) -> list[Entry]:
        """What this process was about to create, and did not see gone."""
        return _open_entries([self.folder / self._file])

    def entries(self) -> list[Entry]:
        """What any process of any run was about to create, and nobody saw gone."""
        return _open_entries(sorted(self.folder.glob("*.jsonl")))

    def _write(self, line: Mapping[str, str]) -> None:
        path = self.folder / self._file
        new = not path.exists()
        if new:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps({"at": datetime.now(UTC).isoformat(), **line}) + "\n"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, text.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            _keep_name_of(self.folder)


def _keep_name_of(folder: Path) -> None:
    # A new file's name is on the disk when its folder is.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_entries(paths: Iterable[Path]) -> list[Entry]:
    events: list[tuple[str, Entry]] = []
    for path in paths:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        events += [parsed for line in lines if (parsed := _parsed(line))]
    # Files of several processes are one story.
    open_now: dict[tuple[str, str], Entry] = {}
    for event, entry in sorted(events, key=lambda pair: pair[1].at):
        if event == "gone":
            open_now.pop((entry.kind, entry.name), None)
        else:
            open_now[entry.kind, entry.name] = entry
    return list(open_now.values())


def _parsed(line: str) -> tuple[str, Entry] | None:
    # A line that was cut short announced a call that was never made.
    try:
        read = json.loads(line)
        if read["kind"] not in get_args(ResourceKind):
            return None
        entry = Entry(RunId(read["run"]), read["kind"], str(read["name"]), datetime.fromisoformat(read["at"]))
        return str(read["event"]), entry
    except (ValueError, KeyError, TypeError, SetUpError):
        return None

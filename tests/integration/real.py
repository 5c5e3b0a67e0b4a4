"""Runs of the suite of this repository in a process of their own, and what was seen in them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .miniature import QUICKLY, REPOSITORY, Json

PROBE = Path(__file__).with_name("probe.py")
DOCUMENT = "document-2023"
RECORDED = ("tests/claims", "-m", "cpu and not live")


@dataclass(frozen=True)
class Run:
    """A run that has ended; ``cases`` are the items it collected, with their claim's id and place."""

    status: int
    cases: list[Json]
    modules: frozenset[str]
    folder: Path
    said: str

    def sought(self, *names: str) -> set[str]:
        """Which of these packages somebody imported, or tried to."""
        return set(names) & self.modules

    def rows(self, source: str | None = None, file: str = "verdicts.json") -> list[Json]:
        """The rows of a file of the report, of one source or of all."""
        rows: list[Json] = json.loads((self.folder / file).read_text(encoding="utf-8"))
        return [row for row in rows if source in (None, row["source"])]


def run(folder: Path, *arguments: str) -> Run:
    """Run pytest in the repository, with the reports in ``folder``."""
    command = [sys.executable, str(PROBE), str(folder / "probe.json"), *QUICKLY, f"--report-dir={folder}"]
    command += ["-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    seen = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
    return Run(done.returncode, seen["cases"], frozenset(seen["modules"]), folder, done.stdout + done.stderr)

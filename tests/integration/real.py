"""Runs of the suite of this repository in a process of their own, and what was seen in them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .miniature import QUICKLY, REPOSITORY, Json

PROBE = Path(__file__).with_name("probe.py")
DOCUMENT = REPOSITORY / "fixtures" / "recordings" / "document-2023.json"
ALL_RECORDED = ("tests/claims", "-m", "cpu and not live")
RECORDED = (*ALL_RECORDED, "--recording=fixtures/recordings/document-2023.json")


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

    def report(self, name: str) -> Any:
        """A file of the run's report."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def run(folder: Path, *arguments: str) -> Run:
    """Run pytest in the repository, with the reports in ``folder``."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(PROBE), str(folder / "probe.json"), *QUICKLY, f"--report-dir={folder}"]
    command += ["-p", "no:cacheprovider", *(arguments or RECORDED)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    seen = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
    return Run(done.returncode, seen["cases"], frozenset(seen["modules"]), folder, done.stdout + done.stderr)

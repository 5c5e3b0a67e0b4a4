"""The folder of one run: made when it is first needed, and gone with the run, however that ends."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llm_claims.workloads.processes.janitor import Janitor

PREFIX = "llm-claims-"


class RunFolder:
    """A temporary folder, made with the first call.

    Most runs of pytest never measure, and pay for nothing. A janitor watches over the folder, because
    a run that is killed removes nothing itself.
    """

    def __init__(self) -> None:
        self._janitor: Janitor | None = None

    def __call__(self) -> Path:
        """Make the folder and return its path."""
        try:
            self._janitor = Janitor()
            return self._janitor.new_folder(PREFIX)
        except (OSError, RuntimeError):
            # No process can be started: the folder is removed all the same, unless the run is killed.
            return Path(tempfile.mkdtemp(prefix=PREFIX))

    def close(self) -> None:
        """Remove the folder, and let the janitor go."""
        if self._janitor is not None:
            self._janitor.close()

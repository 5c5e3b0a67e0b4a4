"""The temporary folder of one run, removed with the run however that ends."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llm_claims.workloads.processes.janitor import Janitor

PREFIX = "llm-claims-"


class RunFolder:
    """A temporary folder, made by the first call: most runs of pytest never measure.

    A janitor process removes it where the run was killed and could not.
    """

    def __init__(self) -> None:
        self._janitor: Janitor | None = None

    def __call__(self) -> Path:
        """Make the folder and return its path."""
        try:
            self._janitor = Janitor()
            return self._janitor.new_folder(PREFIX)
        except (OSError, RuntimeError):
            # No process can be started: the run removes the folder itself, unless it is killed.
            return Path(tempfile.mkdtemp(prefix=PREFIX))

    def close(self) -> None:
        """Remove the folder, and let the janitor go."""
        if self._janitor is not None:
            self._janitor.close()

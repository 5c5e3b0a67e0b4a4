"""What this run is about to create, written down before it does."""

from __future__ import annotations

from pathlib import Path


class Journal:
    """One process's file in a folder that all processes of all runs share.

    It is private, and holds names only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

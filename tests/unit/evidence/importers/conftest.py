from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llm_claims.evidence.importers.formats import read_runs
from llm_claims.evidence.importers.run import Run

Read = Callable[..., list[Run]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a text to a file, and read its runs in the format that its content shows."""

    def read(text: str | bytes, name: str = "it.log") -> list[Run]:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_runs([path], "auto")

    return read

"""Until a suite may have several documents: the bug reports' tests belong to a register of their own."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them to `pytest tests/claims/reports -o claims_fixtures=fixtures/reports`."""
    theirs = collection_path.name == "reports" and config.getini("claims_fixtures") != "fixtures/reports"
    return True if theirs else None

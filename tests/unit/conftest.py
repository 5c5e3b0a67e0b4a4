"""Fixtures and settings of every unit test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run: a failure in CI is the same failure at home, and nothing is written beside the tests.
settings.register_profile("unit", deadline=None, database=None, derandomize=True)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def timing_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A timing lock of the test's own: whoever else measures on this machine neither waits nor is waited for."""
    path = tmp_path / "timing.lock"
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(path))
    return path

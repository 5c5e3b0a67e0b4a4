"""The folder of a run is gone with the run; what becomes of a killed one is tested with whole runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from llm_claims.judging import run_folder
from llm_claims.judging.run_folder import PREFIX, RunFolder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_made_before_it_is_needed(temporary: Path) -> None:
    RunFolder().close()
    assert list(temporary.iterdir()) == []


def test_it_is_made_and_removed(temporary: Path) -> None:
    folder = RunFolder()
    path = folder()
    assert path.parent == temporary
    assert path.name.startswith(PREFIX)
    (path / "cpu").mkdir()
    folder.close()
    assert list(temporary.iterdir()) == []


def test_no_janitor_is_no_fault(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(run_folder, "Janitor", broken)
    folder = RunFolder()
    assert folder().is_dir()
    folder.close()

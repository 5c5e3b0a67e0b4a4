"""Collecting, and judging recordings, imports none of the heavy libraries: not even tries to."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import real

HEAVY = ("torch", "transformers", "boto3", "sagemaker")


def test_collecting_imports_nothing_heavy(tmp_path: Path) -> None:
    run = real.run(tmp_path, "tests/claims", "--collect-only")
    assert run.status == pytest.ExitCode.OK
    assert len(run.cases) > 4 * 47
    assert run.sought(*HEAVY, "numpy", "scipy", "jinja2") == set()


def test_judging_recordings_imports_nothing_heavy(recorded: real.Run) -> None:
    assert recorded.sought(*HEAVY) == set()


def test_the_probe_would_see_an_import(tmp_path: Path) -> None:
    (tmp_path / "test_heavy.py").write_text("try:\n    import sagemaker\nexcept ImportError:\n    pass\n", "utf-8")
    run = real.run(tmp_path / "out", "--collect-only", str(tmp_path / "test_heavy.py"))
    assert run.sought(*HEAVY) == {"sagemaker"}

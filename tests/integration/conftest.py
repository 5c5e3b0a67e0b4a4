from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import jinja2  # noqa: F401
import pytest
import scipy.special  # noqa: F401

import llm_claims
from llm_claims.report.reporter import CI
from llm_claims.workloads import built_in
from llm_claims.workloads.registry import register

from . import miniature, real

# A run inside a test is at somebody's desk, wherever this run is: in CI, verdicts that nobody has accepted fail.
for name in CI:
    os.environ.pop(name, None)
# What is printed there is folded alike wherever these tests run.
os.environ["COLUMNS"] = "80"

# Pytest inside a test forgets the modules that it loaded: numpy cannot be loaded twice, and ours need not be.
for name in llm_claims.__all__:
    getattr(llm_claims, name)
for module in ("judging.session", "report.reporter", "sagemaker.plugin"):
    import_module(f"llm_claims.{module}")
register(*built_in())


class Ran(NamedTuple):
    """A miniature suite that was run, and what came of it."""

    suite: miniature.Miniature
    result: pytest.RunResult


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run inside a test be none of the worker that the test runs in: syrupy tells by this variable."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture(scope="session", autouse=True)
def no_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No real model that this machine may have: tests mean the same everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_CLAIMS_CACHE", str(tmp_path_factory.getbasetemp() / "no-cache"))
        yield


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> miniature.Miniature:
    """A miniature suite with a lock of its own: no test waits for what else is timed on this machine."""
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(pytester.path / "timing.lock"))
    return miniature.build(pytester.path, pytester)


@pytest.fixture
def temporary(suite: miniature.Miniature, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the suite's runs put temporary files."""
    path = suite.path / "tmp"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr("tempfile.tempdir", str(path))
    return path


@pytest.fixture
def copy(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This repository's suite, to change; its CPU program is a fake that answers at once."""
    for name in ("fixtures", "tests/claims"):
        target = pytester.path / name
        shutil.copytree(miniature.REPOSITORY / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    pytester.makefile(".ini", pytest=f"[pytest]\nclaims_cpu_program = {miniature.FakeProgram(pytester.path).command}\n")
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(pytester.path / "timing.lock"))
    return pytester.path


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The miniature suite, run whole and in a process of its own, for all tests that look at the result."""
    suite = miniature.build(tmp_path_factory.mktemp("ran"))
    suite.commit()
    return Ran(suite, suite.run_apart("--record", "bench.json", "--junitxml=junit.xml"))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> real.Run:
    """Every recording of this repository, judged once for all tests that look at the result."""
    return real.run(tmp_path_factory.mktemp("recorded"), *real.RECORDED)

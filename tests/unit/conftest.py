"""Fixtures and settings of every unit test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from warm import Forker, Warm, forks

from llm_claims.workloads import built_in
from llm_claims.workloads.registry import register

register(*built_in())

# The same examples on every run: a failure in CI is the same failure at home, and nothing is written beside the tests.
settings.register_profile("unit", deadline=None, database=None, derandomize=True)
settings.load_profile("unit")


@pytest.fixture(scope="session", autouse=True)
def no_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No real model that this machine may have: tests mean the same everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_CLAIMS_CACHE", str(tmp_path_factory.getbasetemp() / "no-cache"))
        yield


@pytest.fixture(scope="session", autouse=True)
def timing_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A timing lock of the tests' own: whoever else measures on this machine neither waits nor is waited for."""
    path = tmp_path_factory.mktemp("lock") / "timing.lock"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_CLAIMS_LOCK", str(path))
        yield path


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """The process that is forked; see `warm`."""
    process = Warm(tmp_path_factory.mktemp("warm"))
    yield process
    process.close()


@pytest.fixture
def fork(warm: Warm) -> Iterator[Forker]:
    """Run code in a fork of the warm process; nothing of it may be left after the test."""
    yield from forks(warm)

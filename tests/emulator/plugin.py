"""The emulator in pytest: started for `--instance local`, and as a fixture for tests that need an account to break."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.emulator.client import Emulator

_STARTED = pytest.StashKey[Emulator]()
_BEFORE = pytest.StashKey[dict[str, str | None]]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start it in the controller, so that workers inherit its address."""
    asked = config.getoption("claims_instance", default=None) or []
    if "local" not in asked or "AWS_ENDPOINT_URL" in os.environ or hasattr(config, "workerinput"):
        return
    emulator = config.stash[_STARTED] = Emulator.start()
    changes = emulator.environment()
    config.stash[_BEFORE] = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it, and leave the environment as it was."""
    if _STARTED not in config.stash:
        return
    config.stash[_STARTED].close()
    for name, value in config.stash[_BEFORE].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[Emulator]:
    """One emulator for all tests of this process."""
    emulator = Emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def emulator(emulator_process: Emulator) -> Iterator[Emulator]:
    """An emulated account with nothing in it, and no faults; emptied again after the test."""
    emulator_process.reset()
    yield emulator_process
    emulator_process.reset()

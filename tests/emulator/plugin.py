"""The emulator in pytest: started for `--instance local`, and as a fixture for tests that need an account to break."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

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
    if find_spec("moto") is None:
        raise pytest.UsageError("--instance local needs the packages of the emulator: make sagemaker-setup")
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
    """One emulator for all tests of this process; boto3 reads its description of a service once, not once a client."""
    from botocore.loaders import JSONFileLoader

    read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        emulator = Emulator.start()
        yield emulator
        emulator.close()


@pytest.fixture
def emulator(emulator_process: Emulator) -> Iterator[Emulator]:
    """An emulated account with nothing in it, and no faults; emptied again after the test."""
    yield emulator_process
    emulator_process.reset()


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Emulator:
    """The emulated account as the one of this process, which tries nothing twice and is nobody else's."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    # Launchers made here are those of a whole run, also under xdist: a worker sweeps its own alone.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    emulator.settings(stop_grace_seconds=0.2)
    return emulator

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launchers made here are those of a whole run, also under xdist: a worker sweeps its own alone."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

from __future__ import annotations

import jinja2  # noqa: F401
import pytest
import scipy.special  # noqa: F401

from . import miniature, real

# Pytest inside a test forgets the modules that it loaded, and numpy cannot be loaded twice: so it is loaded before.


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> miniature.Miniature:
    """A miniature suite with a lock of its own: no test waits for what else is timed on this machine."""
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(pytester.path / "timing.lock"))
    return miniature.build(pytester.path, pytester)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> real.Run:
    """The document's own figures, judged once for all tests that look at the result."""
    return real.run(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="session")
def all_recorded(tmp_path_factory: pytest.TempPathFactory) -> real.Run:
    """Every recording of this repository, judged once."""
    return real.run(tmp_path_factory.mktemp("all"), *real.ALL_RECORDED)

"""Fixtures for every test of this project: pytester runs pytest inside a test."""

from __future__ import annotations

import signal
from typing import Any

import pytest

pytest_plugins = ["pytester", "tests.emulator.plugin"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a script. Programs would inherit it, and tests that interrupt them wait in vain.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What takes long is done once for all of these: a process that is forked, an emulator, a run of all recordings.
TOGETHER = {
    "tests/unit/workloads": "programs",
    "tests/unit/sagemaker/containers/test_document_program": "programs",
    "tests/integration/emulator": "emulator",
    "tests/integration/sagemaker": "emulator",
    "tests/integration/test_completeness": "recorded",
    "tests/integration/test_figure_change": "recorded",
    "tests/integration/test_findings": "recorded",
}

# What takes longest goes first: no process works on it alone when the others have nothing left.
FIRST = ("tests/integration/faults", *TOGETHER, "tests/integration", "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [item.nodeid.startswith(start) for start in FIRST].index(True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep in one process, under ``--dist loadgroup``, what shares something; otherwise the tests of a file.

    xdist's own groups do nothing with pytest 9.2, and say nothing (pytest-xdist #1386).
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    # In the order of the tests, and not by how many a group has.
    config.option.loadscopereorder = False

    class ByFolderOrFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return next((group for start, group in TOGETHER.items() if path.startswith(start)), path)

    return ByFolderOrFile(config, log)

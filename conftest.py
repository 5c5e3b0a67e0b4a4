"""Fixtures for every test of this project: pytester runs pytest inside a test."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

pytest_plugins = ["pytester", "tests.emulator.plugin"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a script. Programs would inherit it, and tests that interrupt them wait in vain.
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent / "tests"
# What takes long to start is started once for all of these: a process that is forked; an emulator.
TOGETHER = ("unit/workloads", "integration/emulator", "integration/sagemaker")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one process, under ``--dist loadgroup``, what shares something; otherwise the tests of a file."""
    for item in items:
        path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else item.path.as_posix()
        group = next((folder for folder in TOGETHER if path.startswith(folder)), path)
        item.add_marker(pytest.mark.xdist_group(group.replace("sagemaker", "emulator")))

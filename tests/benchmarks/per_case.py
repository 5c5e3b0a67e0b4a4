"""Runs pytest and writes how long each test took, from the start of its setup to its last report, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest


class Stopwatch:
    """A pytest plugin."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        started = time.perf_counter()
        result = yield
        self.seconds.append(time.perf_counter() - started)
        return result


def main(target: Path, arguments: list[str]) -> int:
    stopwatch = Stopwatch()
    status = pytest.main(arguments, plugins=[stopwatch])
    target.write_text(json.dumps(stopwatch.seconds), encoding="utf-8")
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))

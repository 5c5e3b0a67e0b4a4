"""What the terminal shows while a live source measures."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Any

import pytest

SECONDS_BETWEEN_LINES = 60.0


def uncaptured(config: pytest.Config) -> AbstractContextManager[None]:
    """Return a context in which what is written reaches the real terminal."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    return capture.global_and_fixture_disabled() if capture else nullcontext()


class ProgressLine:
    """Writes past pytest's capture to the real terminal: also from an xdist worker.

    On a terminal the line is rewritten in place. In a log each process writes one a minute, with ``-v`` every sample.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._verbosity = config.getoption("verbose", 0)
        self._open = False
        self._written = -math.inf
        self._cases, self._ended = 0, 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many cases there are; of a worker it is not known how many it will be given."""
        self._cases = 0 if hasattr(self._config, "workerinput") else len(session.items)

    def pytest_runtest_logfinish(self) -> None:
        """Count the cases that have ended."""
        self._ended += 1

    def of(self, source: str) -> Callable[[str, int, int, float | None], None]:
        """Return what a source calls when round ``number`` of ``what`` begins, of ``most`` that are wanted by now."""

        def show(what: str, number: int, most: int, seconds_left: float | None) -> None:
            if self._verbosity < 0:
                return
            left = "" if seconds_left is None else f", about {seconds_left:.0f} s left"
            case = f"; case {self._ended + 1} of {self._cases}" if self._cases else ""
            self._write(f"{source}: {what}: round {number} of {most}{left}{case}")

        return show

    def _write(self, text: str) -> None:
        with uncaptured(self._config):
            on_terminal = sys.stderr.isatty()
            if not on_terminal and self._verbosity < 1 and monotonic() - self._written < SECONDS_BETWEEN_LINES:
                return
            self._written = monotonic()
            ending = "" if on_terminal else "\n"
            start = "\r\x1b[2K" if on_terminal else "" if self._open else "\n"
            sys.stderr.write(f"{start}{text}{ending}")
            sys.stderr.flush()
        self._open = True

    def close(self) -> None:
        """Clear a line that is being rewritten."""
        if self._open and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

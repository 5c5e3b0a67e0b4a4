"""What the terminal shows while a live source measures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest


def uncaptured(config: pytest.Config) -> AbstractContextManager[None]:
    """Return a context in which what is written reaches the real terminal."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    return capture.global_and_fixture_disabled() if capture else nullcontext()


class ProgressLine:
    """Writes past pytest's capture to the real terminal: also from an xdist worker.

    On a terminal the line is rewritten in place; elsewhere (CI logs) each sample is a line.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._quiet = config.getoption("verbose", 0) < 0
        self._open = False

    def of(self, source: str) -> Callable[[str, int, int, float | None], None]:
        """Return what a source calls when round ``number`` of ``what`` begins, of ``most`` that are wanted by now."""

        def show(what: str, number: int, most: int, seconds_left: float | None) -> None:
            if self._quiet:
                return
            left = "" if seconds_left is None else f", about {seconds_left:.0f} s left"
            self._write(f"{source}: {what}: round {number} of {most}{left}")

        return show

    def _write(self, text: str) -> None:
        with uncaptured(self._config):
            on_terminal = sys.stderr.isatty()
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

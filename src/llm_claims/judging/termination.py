"""SIGTERM ends a run as Ctrl-C does: programs are ended, and the report is written."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import NoReturn


class Termination:
    """Turns SIGTERM into `KeyboardInterrupt`, from `watch` to `release`.

    By itself SIGTERM ends Python on the spot: no ``finally`` runs, so no report is written, and temporary
    folders stay. Only the main thread can handle signals; a handler that somebody else has set stays.
    """

    def __init__(self) -> None:
        self._watching = False

    def watch(self) -> None:
        """Handle SIGTERM from now on, unless somebody else does."""
        alone = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if alone and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._interrupt)
            self._watching = True

    def release(self) -> None:
        """Leave SIGTERM to its default again, unless somebody has taken it over meanwhile."""
        if self._watching and signal.getsignal(signal.SIGTERM) in (self._interrupt, self._ignore):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._watching = False

    def _interrupt(self, number: int, frame: FrameType | None) -> NoReturn:
        # SIGTERM may be sent again and again; only the first may interrupt what is being cleaned up.
        signal.signal(signal.SIGTERM, self._ignore)
        raise KeyboardInterrupt("SIGTERM")

    @staticmethod
    def _ignore(number: int, frame: FrameType | None) -> None:
        """Do nothing. Unlike SIG_IGN this is not handed down to processes that are started."""

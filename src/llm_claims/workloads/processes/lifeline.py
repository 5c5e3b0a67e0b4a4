"""Processes that end when the one that started them has ended. The kernel of Linux signals its death.

On other systems nothing happens here, and whoever starts processes has to end them. The images of 2023 run this file
too: Python 3.8, and its standard library alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this fork when its parent has ended, in whatever way.

    ``parent`` is the parent's id as it was before the fork: it may have ended since.
    """
    _at_death_of_parent(signal.SIGKILL)
    _die_if_left_by(parent)


def die_with_caller() -> None:
    """Have this program end when its caller has ended, even while it works and reads no input.

    The kernel sends its signal when the *thread* that started this process ends, which may be long before its
    caller does. So the signal does not kill: it has this process look whether it still has the same parent. It
    comes again whenever the thread that took over as parent ends.
    """
    caller = os.getppid()

    def look(number: int, frame: FrameType | None) -> None:
        _die_if_left_by(caller)

    if sys.platform == "linux":
        signal.signal(signal.SIGHUP, look)
        _at_death_of_parent(signal.SIGHUP)
        _die_if_left_by(caller)


def _at_death_of_parent(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _die_if_left_by(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)

"""Processes that may not outlive those that started them: the kernel tells them when they are alone. Linux only.

Elsewhere nothing happens here, and whoever starts processes has to end them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this fork when its parent is gone, however that ends.

    ``parent`` is the parent's id, asked for before the fork: a parent that has died since cannot tell.
    """
    _at_death_of_parent(signal.SIGKILL)
    _die_if_left_by(parent)


def die_with_caller() -> None:
    """Have this program end when its caller is gone, even where it works and reads no input.

    The kernel ties the word of a parent's death to the *thread* that started this process, and a caller may start
    programs in threads that it ends before them. So the word is a signal that is looked into, and not
    a death; it comes again when the next thread ends, and with the last one the parent is another.
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

"""End a process when the one that started it has ended: the Linux kernel signals the death of a parent.

On other systems these functions do nothing, and a caller has to end the processes that it started. This file also
runs in container images of 2023: it must work on Python 3.8 with the standard library alone.
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
    _signal_at_death_of_parent(signal.SIGKILL)
    _die_unless_child_of(parent)


def die_when_interrupted() -> None:
    """Have SIGINT kill this program at once, unless somebody handles or ignores it.

    As a KeyboardInterrupt it could be lost where Python ignores exceptions, as inside ``os.fork`` and in an import.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def die_with_caller() -> None:
    """Kill this program when its caller has ended, even while it works and reads no input.

    The kernel sends the signal when the *thread* that started this process ends, which may be long before the
    caller does. So the signal's handler kills this process only if its parent has changed. The signal comes again
    when the next thread that the kernel made its parent ends.
    """
    caller = os.getppid()

    def look(number: int, frame: FrameType | None) -> None:
        _die_unless_child_of(caller)

    if sys.platform == "linux":
        signal.signal(signal.SIGHUP, look)
        _signal_at_death_of_parent(signal.SIGHUP)
        _die_unless_child_of(caller)


def _signal_at_death_of_parent(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _die_unless_child_of(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)

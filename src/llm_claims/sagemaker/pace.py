"""How often AWS is polled, and how long each wait may last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Waiting times in seconds, and the clock that measures them.

    Parameters
    ----------
    poll
        The interval between two looks at a job, at an endpoint, or at what a sweep is removing.
    quiet
        A log is complete when its job has ended and no line has come for so long: CloudWatch shows lines late.
    lag
        For so long a log whose job completed is read if answers are missing in it.
    trouble
        For so long looks at what is running may fail before it is given up: its results are paid for.
    settle
        For so long after a resource was entered in the journal, "does not exist" may mean "does not exist yet".
    provision
        How long a job may take beyond its time limit: to get machines, and to upload its output.
    patience
        How long a sweep waits until everything that it removes is gone.
    sleep, now
        The clock, in seconds. Tests simulate one.
    """

    poll: float = 15.0
    quiet: float = 15.0
    lag: float = 180.0
    trouble: float = 300.0
    settle: float = 30.0
    provision: float = 1800.0
    patience: float = 900.0
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


# For an emulator on this machine, where nothing takes long.
QUICK = Pace(poll=0.1, quiet=0.3, lag=2.0, trouble=3.0, settle=1.0, provision=60.0, patience=30.0)

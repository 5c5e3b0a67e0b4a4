"""How often AWS is asked, and how long it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Intervals, in seconds, and the clock they are told by.

    Parameters
    ----------
    poll
        Between two looks at a job, an endpoint or what a sweep has ended.
    quiet
        How long a log must stay still, after its job has ended, to be complete: CloudWatch lags behind.
    settle
        For so long after a create was written down, "not there" may still mean "not there yet".
    provision
        How long a job may take, beyond its own run time, to find machines and to upload.
    patience
        How long a sweep waits for what it has stopped or deleted to be gone.
    sleep, now
        The clock; another one in a simulation.
    """

    poll: float = 10.0
    quiet: float = 15.0
    settle: float = 30.0
    provision: float = 1800.0
    patience: float = 900.0
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


# Against an emulator on this machine, where nothing takes long.
QUICK = Pace(poll=0.1, quiet=0.3, settle=1.0, provision=60.0, patience=30.0)

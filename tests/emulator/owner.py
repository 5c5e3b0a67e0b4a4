"""The process for which the emulator was started."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable


def watch(pid: int, gone: Callable[[], None]) -> None:
    """Call `gone` when the process ends, however it ends.

    Raises
    ------
    ProcessLookupError
        There is no such process.
    """
    handle = os.pidfd_open(pid)

    def wait() -> None:
        select.select([handle], [], [])
        gone()

    threading.Thread(target=wait, daemon=True).start()

"""What is done again and again, in a thread, as long as the emulator lives."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable


def every(seconds: float, action: Callable[[], None]) -> None:
    """Do it every so often. An error is told on standard error, and does not end it."""

    def beat() -> None:
        while True:
            time.sleep(seconds)
            try:
                action()
            except Exception:
                traceback.print_exc()

    threading.Thread(target=beat, daemon=True).start()

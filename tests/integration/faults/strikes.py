"""What happens to the client at one of its calls: it is killed or signalled, before the call, during it or after it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

IN_FLIGHT_SECONDS = 0.5


def install(operation: str | None, fault: str, seen: Path, struck: Path) -> None:
    """Strike at the first call of an operation; note every operation in the file `seen`, and the strike in `struck`."""
    from botocore.endpoint import Endpoint

    send = Endpoint._send_request

    def sent(self: Any, request: Any, operation_model: Any) -> Any:
        with seen.open("a") as file:
            file.write(f"{operation_model.service_model.signing_name}:{operation_model.name}\n")
        if operation_model.name != operation or struck.exists():
            return send(self, request, operation_model)
        if fault == "kill before":
            _strike(struck, signal.SIGKILL)
        if fault == "kill in flight":
            threading.Timer(IN_FLIGHT_SECONDS / 2, _strike, (struck, signal.SIGKILL)).start()
        answer = send(self, request, operation_model)
        if fault == "kill after":
            _strike(struck, signal.SIGKILL)
        if fault in ("SIGTERM", "SIGINT"):
            _strike(struck, getattr(signal, fault))
        return answer

    Endpoint._send_request = sent


def _strike(struck: Path, number: int) -> None:
    struck.touch()
    os.kill(os.getpid(), number)


def hasten() -> None:
    """Let botocore wait a tenth of what it would before it tries again: the clock of the matrix."""
    import botocore.endpoint

    class Hasty:
        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        def sleep(self, seconds: float) -> None:
            time.sleep(seconds / 10)

    botocore.endpoint.time = Hasty()

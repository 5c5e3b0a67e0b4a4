"""All calls that were made, in order."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from tests.emulator.wire import Call


class Ledger:
    """What was called, by whom, and how it ended."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._number = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, call: Call, now: float, faults: list[str]) -> dict[str, Any]:
        """Write the call down before it is done. The row is completed by whoever answers it."""
        params = {key: value for key, value in call.params.items() if key != "_json"}
        row = {
            "number": next(self._number),
            "time": now,
            "service": call.service,
            "operation": call.operation,
            "region": call.region,
            "name": call.name,
            "params": params,
            "agent": call.agent,
            "faults": faults,
            "status": None,
            "error": None,
        }
        with self._lock:
            self._calls.append(row)
        return row

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def listed(self, operation: str | None, since: int) -> list[dict[str, Any]]:
        """Calls numbered above `since`, of one operation if given."""
        with self._lock:
            rows = list(self._calls)
        return [row for row in rows if row["number"] > since and operation in (None, row["operation"])]

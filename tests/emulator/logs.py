"""What containers print, shipped to CloudWatch."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from tests.emulator.errors import AwsError
from tests.emulator.heartbeat import every

MAX_EVENT_BYTES = 256 * 1024 - 26  # what CloudWatch takes in one event: longer lines arrive in pieces
_MAX_BATCH_BYTES = 1_000_000


class Logs:
    """All log streams; one thread ships them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._waiting: list[tuple[float, str, str, str]] = []  # due, group, stream, message
        self._known: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._shipping = threading.Lock()
        self.delay_seconds = 0.0
        every(0.1, self.ship)

    def clear(self) -> None:
        """Forget what waits, and what is known to be there."""
        with self._shipping, self._lock:
            self._waiting.clear()
            self._known.clear()
            self.delay_seconds = 0.0

    def write(self, group: str, stream: str, line: str) -> None:
        """Take one line. An empty one is not kept: CloudWatch takes no empty events."""
        raw = line.encode()
        pieces = [raw[at : at + MAX_EVENT_BYTES].decode(errors="replace") for at in range(0, len(raw), MAX_EVENT_BYTES)]
        due = time.monotonic() + self.delay_seconds
        with self._lock:
            self._waiting += [(due, group, stream, piece) for piece in pieces]

    def page(self, params: dict[str, Any], empty: int) -> dict[str, Any]:
        """`GetLogEvents`: `empty` pages without lines before each page of moto's; the same token when there is no more.

        Raises
        ------
        AwsError
            There is no such stream.
        """
        token = str(params.get("nextToken") or "")
        given, _, real = token.rpartition("|")
        if int(given or 0) < empty:
            return {"events": [], "nextForwardToken": f"{int(given or 0) + 1}|{real}", "nextBackwardToken": "b"}
        asked = {key: value for key, value in params.items() if key != "_json"} | ({"nextToken": real} if real else {})
        if not real:
            asked.pop("nextToken", None)
        try:
            found = self._client.get_log_events(**asked)
        except self._client.exceptions.ResourceNotFoundException as error:
            raise AwsError("ResourceNotFoundException", str(error)) from None
        more = found["nextForwardToken"] != real
        return {
            "events": found["events"],
            "nextForwardToken": f"0|{found['nextForwardToken']}" if more else token,
            "nextBackwardToken": "b",
        }

    def ship(self) -> None:
        """Send what is due."""
        with self._shipping:
            now = time.monotonic()
            with self._lock:
                due = [row for row in self._waiting if row[0] <= now]
                self._waiting = [row for row in self._waiting if row[0] > now]
            for group, stream in dict.fromkeys((row[1], row[2]) for row in due):
                self._put(group, stream, [row[3] for row in due if row[1:3] == (group, stream)])

    def _put(self, group: str, stream: str, messages: list[str]) -> None:
        if (group, stream) not in self._known:
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=group)
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_stream(logGroupName=group, logStreamName=stream)
            self._known.add((group, stream))
        batch: list[dict[str, Any]] = []
        size = 0
        for message in [*messages, None]:
            if batch and (message is None or size + len(message) > _MAX_BATCH_BYTES or len(batch) == 10_000):
                self._client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
                batch, size = [], 0
            if message is not None:
                batch.append({"timestamp": int(time.time() * 1000), "message": message})
                size += len(message)

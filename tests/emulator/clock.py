"""The time of day in the emulated account, which a test may move."""

from __future__ import annotations

import time
from datetime import UTC, datetime

ALLOWED_SKEW_SECONDS = 300.0


class Clock:
    """This machine's clock and an offset. With `strict`, requests signed more than five minutes off are refused."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0
        self.strict = False

    def now(self) -> float:
        return time.time() + self.offset_seconds

    def refuses(self, amz_date: str | None) -> bool:
        """Whether a request signed at `amz_date` (20260102T030405Z) is too early or too late."""
        if not self.strict or amz_date is None:
            return False
        signed = datetime.strptime(amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        return abs(signed - self.now()) > ALLOWED_SKEW_SECONDS

"""When each new token came: a streamer, which ``generate`` hands every token as soon as the host has it."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any


class TokenClock:
    """Notes the time of every new token of one request; ``start`` is the reading of the clock when it was sent.

    The host waits for each token anyway, since it decides whether to go on: to note the time takes microseconds.
    """

    def __init__(self) -> None:
        self.start = perf_counter()
        self._times: list[float] = []
        self._prompt_is_next = True

    def put(self, _: Any) -> None:
        """Note a token; what comes first is the prompt."""
        if self._prompt_is_next:
            self._prompt_is_next = False
        else:
            self._times.append(perf_counter() - self.start)

    def end(self) -> None:
        """Take no notice: the last token was noted already."""

    def figures(self) -> dict[str, float]:
        """Return time to the first token, mean time of each token after it, and the median between two tokens, in s."""
        if not self._times:
            return {}
        first, last = self._times[0], self._times[-1]
        found = {"time_to_first_token_seconds": first}
        if gaps := [later - before for before, later in zip(self._times, self._times[1:], strict=False)]:
            found["time_per_output_token_seconds"] = (last - first) / len(gaps)
            found["inter_token_latency_seconds"] = median(gaps)
        return found

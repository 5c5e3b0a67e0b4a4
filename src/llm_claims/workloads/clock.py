"""The clock of a program: what a run spends its time on, noted where it happens and told in its answer.

A program says when a phase begins, and the phase lasts until the next one begins::

    from llm_claims import clock

    clock.begin("compiling")
    warm_up()
    clock.begin("measuring")
    for _ in range(calls):
        call()
    clock.begin("rest")

What comes before the first of them is set-up. A program that begins no phase tells nothing of its time.
"""

from __future__ import annotations

from time import perf_counter
from typing import Literal, get_args

from llm_claims.workloads.protocol import Answer, Spent

Phase = Literal["setup", "compiling", "measuring", "rest"]


class Clock:
    """Adds up the seconds of each phase of one run at a time.

    A fork takes the state with it, and all processes of a machine share the clock that it reads. So a rank forked
    within a request counts from when its parent was asked.
    """

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._since = 0.0
        self._seconds = dict.fromkeys(get_args(Phase), 0.0)
        self._has_begun = False

    def start(self) -> None:
        """Start a run, in its set-up; one that goes on already goes on."""
        if self._phase is None:
            self._turn("setup")

    def begin(self, phase: Phase) -> None:
        """Begin a phase: "compiling" has warm-up with it, "measuring" lasts from the first to the last that counts."""
        self._has_begun = True
        self._turn(phase)

    def stop(self) -> Spent | None:
        """End the run; return what it spent, or ``None`` if it began no phase of its own."""
        self._turn(None)
        seconds, said = self._seconds, self._has_begun
        self._seconds, self._has_begun = dict.fromkeys(seconds, 0.0), False
        if not said:
            return None
        return Spent(
            setup_seconds=seconds["setup"],
            compiling_seconds=seconds["compiling"],
            measuring_seconds=seconds["measuring"],
        )

    def told(self, answer: Answer) -> Answer:
        """End the run; return its answer with what was spent, unless it has that already, from a rank."""
        spent = self.stop()
        return answer if answer.spent or spent is None else answer.model_copy(update={"spent": spent})

    def _turn(self, phase: Phase | None) -> None:
        now = perf_counter()
        if self._phase is not None:
            self._seconds[self._phase] += now - self._since
        self._phase, self._since = phase, now


clock = Clock()
"""The clock of this process."""

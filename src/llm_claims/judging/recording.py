"""What a run measured live, as a recording: at its end, and while it goes on."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from llm_claims.errors import ClaimsError, RecordingError, UsageError
from llm_claims.evidence.recordings import Recording, unfinished, write_recording
from llm_claims.workloads.shown import count

if TYPE_CHECKING:
    from llm_claims.judging.suite import Suite

UNBOUNDED_ROUNDS = 1000
"""What a recording states whose rounds time alone bounded: more than three, so it was looked at several times."""
SECONDS_BETWEEN = 10.0


class Unfinished:
    """Keeps the recording of a run that goes on, so that one that is ended by force leaves what it measured.

    To be called after each round; writes every ten seconds at most.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._last = 0.0

    def __call__(self) -> None:
        """Write what was measured so far, if this run records and nothing was written just now."""
        path = self._suite.options.record
        if path is None or time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        # Workers of a run that is ended may still measure when the whole recording is there.
        if path.exists():
            return
        # What is wrong stops no measuring: the recording at the end meets the same, and says so.
        with suppress(ClaimsError):
            recording = recording_of(self._suite, path.stem, complete=False)
            if recording is not None:
                write_recording(recording, unfinished(path), new=False)
        self._last = time.monotonic()


def record(suite: Suite, *, complete: bool) -> list[str]:
    """Write what this run measured to the file of ``--record``, if it has one; return what there is to say of it.

    Raises
    ------
    UsageError
        Several live sources measured: a recording is of one.
    RecordingError
        The file cannot be written; what was measured is then in the unfinished one.
    """
    path = suite.options.record
    if path is None:
        return []
    recording = recording_of(suite, path.stem, complete=complete)
    if recording is None:
        return [f"nothing was measured live, so {path} was not written"]
    try:
        write_recording(recording, path)
    except RecordingError as error:
        write_recording(recording, unfinished(path), new=False)
        raise RecordingError(f"{error} What was measured is in {unfinished(path)}.") from None
    unfinished(path).unlink(missing_ok=True)
    return [f"recorded: {path}, {count(len(recording.evidence), 'workload')}"]


def recording_of(suite: Suite, name: str, *, complete: bool) -> Recording | None:
    """Return what this run measured live as a recording, or ``None`` if it measured nothing.

    Raises
    ------
    UsageError
        Several live sources measured: a recording is of one.
    """
    live = [source for source in suite.sources.values() if source.live]
    found = {source: evidence for source in live if (evidence := source.entries())}
    if len(found) > 1:
        raise UsageError(f"{', '.join(source.name for source in found)} measured: record one source a run, with -m")
    for source, evidence in found.items():
        return Recording(
            name=name,
            title=f"Recorded live on {evidence[0].provenance.hardware}",
            recorded=max(entry.provenance.date for entry in evidence),
            measured_on=source.name,
            most_rounds=suite.options.rounds or UNBOUNDED_ROUNDS,
            complete=complete and source.is_complete,
            devices=source.devices(),
            defaults=dict(source.defaults()),
            evidence=tuple(evidence),
        )
    return None

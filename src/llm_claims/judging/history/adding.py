"""What a run adds to the history at its end: a night of each live source that measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from llm_claims.judging.commit import author
from llm_claims.judging.history.night import night_of
from llm_claims.judging.rows import VerdictRow
from llm_claims.workloads.shown import count

if TYPE_CHECKING:
    from llm_claims.judging.suite import Suite


def add_nights(suite: Suite, rows: Sequence[VerdictRow], *, complete: bool) -> Iterator[str]:
    """Add what was measured to the history of ``--history``, if there is one; yield what there is to say of it.

    An emulator's figures are no evidence, and add nothing. ``rows`` are those of the run, which is ``complete`` if it
    judged all that was asked for.

    Raises
    ------
    RecordingError
        The file cannot be trusted.
    OSError
        It cannot be written.
    """
    history = suite.history
    if history is None:
        return
    run, now = uuid4().hex[:12], datetime.now(UTC)
    for source in suite.sources.values():
        if not source.live or source.emulated:
            continue
        night = night_of(source.name, source.entries(), rows, run=run, now=now, complete=complete)
        if night is not None:
            updating = suite.options.update == "all"
            accepted = [one for row in rows if row.source == source.name for one in row.changes] if updating else []
            history.add(night, accepted, author())
            yield f"history: {history.path}, {count(len(night.figures), 'figure')} of {source.name}"

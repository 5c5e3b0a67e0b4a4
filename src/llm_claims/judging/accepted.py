"""Accepted verdicts: what a person has reviewed, kept as syrupy snapshots."""

from __future__ import annotations

from typing import Any

from syrupy.assertion import SnapshotAssertion
from syrupy.exceptions import SnapshotDoesNotExist
from syrupy.extensions.amber import AmberSnapshotExtension

from llm_claims.relations.verdict import Verdict, Word

UNTESTABLE = str(Word.UNTESTABLE)


class VerdictSnapshotExtension(AmberSnapshotExtension):
    """One plain line a case, so that a changed verdict reads well in a review."""

    def serialize(self, data: Any, **_: Any) -> str:
        """Return the line as it is."""
        return str(data)


def accepted_line(verdict: Verdict, *, live: bool) -> str:
    """Return the part of a verdict that is stable enough to be accepted.

    Of a recording: verdict, effect, interval and the effects of all comparisons, which change only with its figures
    or with the code. Of a live source: the verdict, and the side on which an effect left its margin; never a timing.
    """
    if not live:
        return str(verdict)
    sided = verdict.relation in {"similar", "flat", "proportional"} and verdict.word is Word.CONTRADICTED
    if not sided or verdict.effect is None:
        return str(verdict.word)
    return f"{verdict.word} ({'above' if verdict.effect > 1 else 'below'} the margin)"


class AcceptedVerdict:
    """The accepted verdict of one case."""

    def __init__(self, snapshot: SnapshotAssertion) -> None:
        self._snapshot = snapshot.use_extension(VerdictSnapshotExtension)

    def read(self) -> str | None:
        """Return the accepted line, or ``None`` if nobody has accepted one yet."""
        snapshot = self._snapshot
        try:
            line = snapshot.extension.read_snapshot(
                test_location=snapshot.test_location, index=snapshot.index, session_id=str(id(snapshot.session))
            )
        except SnapshotDoesNotExist:
            return None
        return str(line)

    def agrees(self, line: str) -> bool:
        """Compare with the accepted line; under ``--snapshot-update``, accept ``line`` instead."""
        return bool(self._snapshot == line)

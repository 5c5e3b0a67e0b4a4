"""Figures of a recording that are others than in the last commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from llm_claims.errors import ClaimsError
from llm_claims.evidence.evidence import Evidence, Samples
from llm_claims.evidence.recordings import Recording, read_recording
from llm_claims.judging.commit import committed_text
from llm_claims.judging.rows import FigureRow

Figure = tuple[str, str, str]
"""Its source, the key of its workload, and its metric."""


def with_changes(rows: Sequence[FigureRow], recordings: Mapping[Path, Recording]) -> list[FigureRow]:
    """Say in each row whether its figure was changed since the last commit."""
    changed = {figure: told for path, recording in recordings.items() for figure, told in changes(recording, path)}
    return [row.model_copy(update={"change": changed.get((row.source, row.key, row.metric), "")}) for row in rows]


def changes(recording: Recording, path: Path) -> Iterator[tuple[Figure, str]]:
    """Compare a recording with its file in the last commit; nothing, if git has none that can be read."""
    text = committed_text(path)
    if text is None or text == path.read_text(encoding="utf-8"):
        return
    with TemporaryDirectory() as folder:
        committed = Path(folder) / path.name
        committed.write_text(text, encoding="utf-8")
        try:
            before = {entry.key: entry for entry in read_recording(committed).evidence}
        except ClaimsError:
            return
    for entry in recording.evidence:
        for metric, told in _changed(before.get(entry.key), entry):
            yield (recording.name, entry.key, metric), told


def _changed(before: Evidence | None, after: Evidence) -> Iterator[tuple[str, str]]:
    for metric, samples in after.metrics.items():
        old = before.metrics.get(metric) if before else None
        if old is not None and old != samples:
            place = samples.place or after.place or "no place given"
            yield metric, f"{metric} ({place}): {_shown(old)} → {_shown(samples)}"


def _shown(samples: Samples) -> str:
    return f"{', '.join(f'{one:g}' for one in samples.samples)} {samples.unit}"


def standing_on(rows: Sequence[FigureRow]) -> dict[str, set[tuple[str, str, str]]]:
    """Return the cases (claim, case, source) that stand on each changed figure, by its change in words."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for row in rows:
        if row.change:
            found.setdefault(row.change, set()).add((row.claim, row.case, row.source))
    return found

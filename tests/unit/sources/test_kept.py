"""What is kept for a later run: whole, and never two passes under one number."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from builders import measured, sampled_metric, witness_of

from llm_claims.errors import RecordingError
from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.fingerprint import Fingerprint
from llm_claims.sources.kept import KeptEntry, KeptEvidence, read_kept, write_kept
from llm_claims.workloads.base import Generation

A, B, C = (Generation(new_tokens=n) for n in (1, 2, 3))
PRINT = Fingerprint({"python": "3.11"})


def evidence(workload: Generation, *rounds: int) -> Evidence:
    latency = sampled_metric("latency_seconds", *(1.0 + number for number in rounds))
    return measured(workload, rounds, witness=witness_of(workload), latency_seconds=latency)


def entry(workload: Generation, *rounds: int, alone: bool = True, source: str = "cpu") -> KeptEntry:
    return KeptEntry(source=source, alone=alone, since=date(2026, 1, 2), evidence=evidence(workload, *rounds))


def kept(*entries: KeptEntry) -> KeptEvidence:
    return KeptEvidence(fingerprint=PRINT, entries=entries)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = kept(entry(A, 1, 2, 3), entry(B, 1, 2, alone=False))
    write_kept(whole, tmp_path / "deep" / "kept.json")
    assert read_kept(tmp_path / "deep" / "kept.json") == whole


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"schema_version": 1}'])
def test_what_is_something_else_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "kept.json").write_text(text)
    with pytest.raises(RecordingError, match=r"kept\.json: "):
        read_kept(tmp_path / "kept.json")


def test_an_entry_is_named_by_source_and_place() -> None:
    assert entry(A, 1).name == ("cpu", A.digest)
    there = evidence(A, 1).model_copy(
        update={"provenance": evidence(A, 1).provenance.model_copy(update={"instance_type": "g5.xlarge"})}
    )
    assert entry(A, 1).model_copy(update={"evidence": there}).name == ("cpu", f"{A.digest}-g5.xlarge")


def test_newer_entries_take_the_place_of_older_ones() -> None:
    whole = kept(entry(A, 1, 2), entry(B, 1, 2)).updated([entry(B, 7, 8), entry(C, 7, 8)], lost=())
    assert whole == kept(entry(A, 1, 2), entry(B, 7, 8), entry(C, 7, 8))


def test_what_is_lost_is_not_kept() -> None:
    whole = kept(entry(A, 1), entry(B, 1), entry(B, 1, source="gpu"))
    assert whole.updated([], lost={("cpu", B.digest)}) == kept(entry(A, 1), entry(B, 1, source="gpu"))


def test_passes_are_numbered_on_and_seeds_are_not() -> None:
    assert kept().latest_round == 0
    assert kept(entry(A, 1, 2), entry(B, 4, 9)).latest_round == 9
    assert entry(A, 1, 2).later(9) == entry(A, 1, 2).model_copy(
        update={"evidence": evidence(A, 1, 2).model_copy(update={"rounds": (10, 11)})}
    )
    assert entry(A, 1, 2, alone=False).later(9) == entry(A, 1, 2, alone=False)

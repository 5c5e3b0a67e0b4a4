"""The store: evidence that every test and worker of a run shares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from builders import measured, sampled_metric

from llm_claims.errors import Inconclusive, ProgramError, Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.base import Placed
from llm_claims.sources.store import EvidenceStore, Failure
from llm_claims.sources.times import Run
from llm_claims.workloads.generation.workload import Generation

A, B = Placed(Generation(new_tokens=1)), Placed(Generation(new_tokens=2))


def evidence(placed: Placed, *seconds: float) -> Evidence:
    return measured(
        placed.workload, range(1, len(seconds) + 1), latency_seconds=sampled_metric("latency_seconds", *seconds)
    )


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "store")


def test_what_was_not_measured_is_not_there(store: EvidenceStore) -> None:
    assert store.read("cpu", A) is None
    assert store.read_failure("cpu", A) is None
    assert store.entries("cpu") == []


def test_evidence_is_kept_as_it_is(store: EvidenceStore) -> None:
    store.write("cpu", A, evidence(A, 1.0, 1.1))
    assert store.read("cpu", A) == evidence(A, 1.0, 1.1)
    assert EvidenceStore(store.folder).read("cpu", A) == evidence(A, 1.0, 1.1), "another process sees it, too"


def test_evidence_is_replaced_and_nothing_else_stays(store: EvidenceStore) -> None:
    store.write("cpu", A, evidence(A, 1.0))
    store.write("cpu", A, evidence(A, 1.0, 1.1))
    assert store.read("cpu", A) == evidence(A, 1.0, 1.1)
    assert os.listdir(store.folder / "cpu") == [f"{A.key}.json"]


def test_sources_and_places_are_kept_apart(store: EvidenceStore) -> None:
    there = Placed(A.workload, "g5.2xlarge")
    store.write("cpu", A, evidence(A, 1.0))
    assert store.read("gpu", A) is None
    assert store.read("cpu", there) is None
    assert store.read("cpu", B) is None
    store.write("cpu", there, evidence(A, 2.0))
    assert store.read("cpu", A) == evidence(A, 1.0)


@pytest.mark.parametrize(
    ("cause", "raised"), [("fault", ProgramError), ("no_capacity", Inconclusive), ("out_of_budget", Untestable)]
)
def test_a_failure_is_remembered_beside_the_evidence_with_its_cause(
    store: EvidenceStore, cause: Any, raised: type[Exception]
) -> None:
    store.write("cpu", A, evidence(A, 1.0))
    store.write_failure("cpu", A, Failure(cause=cause, text="it hung: ñ\nlast line"))
    failure = store.read_failure("cpu", A)
    assert failure is not None
    with pytest.raises(raised, match=r"^it hung: ñ\nlast line$"):
        failure.reraise()
    assert store.read_failure("cpu", B) is None
    assert store.read("cpu", A) == evidence(A, 1.0)


def test_everything_of_a_source_comes_in_a_stable_order(store: EvidenceStore) -> None:
    for placed in (B, A):
        store.write("cpu", placed, evidence(placed, 1.0))
    expected = [evidence(placed, 1.0) for placed in sorted((A, B), key=lambda placed: placed.key)]
    assert store.entries("cpu") == expected


def test_what_failed_later_is_no_evidence_for_a_recording(store: EvidenceStore) -> None:
    store.write("cpu", A, evidence(A, 1.0, 1.1))
    store.write("cpu", B, evidence(B, 1.0, 1.1))
    store.write_failure("cpu", A, Failure(text="a count changed between rounds"))
    assert store.entries("cpu") == [evidence(B, 1.0, 1.1)]


def test_rounds_are_counted_over_all_workloads_of_a_source(store: EvidenceStore) -> None:
    assert store.latest_round("cpu") == 0
    store.write("cpu", A, evidence(A, 1.0, 1.1, 1.2))
    store.write("cpu", B, evidence(B, 1.0))
    assert store.latest_round("cpu") == 3
    assert store.latest_round("gpu") == 0
    store.write_failure("cpu", A, Failure(text="it hung"))
    assert store.latest_round("cpu") == 3, "a round that failed for one was a round for the others"


def test_a_folder_is_made_when_it_is_needed_and_removed_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    EvidenceStore().remove()
    assert os.listdir(tmp_path) == []
    used = EvidenceStore()
    used.write("cpu", A, evidence(A, 1.0))
    assert used.read("cpu", A) == evidence(A, 1.0)
    assert len(os.listdir(tmp_path)) == 1
    used.remove()
    assert os.listdir(tmp_path) == []


def test_a_run_that_measured_nothing_has_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = EvidenceStore()
    assert (store.entries("cpu"), store.latest_round("cpu"), store.times("cpu")) == ([], 0, None)
    assert not store.is_open
    assert os.listdir(tmp_path) == []


def test_a_store_that_was_removed_is_not_made_again(store: EvidenceStore) -> None:
    store.write("cpu", A, evidence(A, 1.0))
    store.remove()
    for use in (lambda: store.write("cpu", A, evidence(A, 1.0)), lambda: store.lock("cpu", A)):
        with pytest.raises(ProgramError, match="the run is over"):
            use()
    assert not store.folder.exists()


def test_the_first_to_come_does_what_a_source_does_once(store: EvidenceStore) -> None:
    before = store.since("cpu")
    seen = []
    for _ in range(2):
        with EvidenceStore(store.folder).once("cpu") as first:
            seen.append(first)
    assert seen == [True, False]
    assert before <= store.since("cpu") == store.since("cpu")


def test_an_attempt_that_fails_leaves_it_to_the_next(store: EvidenceStore) -> None:
    with pytest.raises(Untestable), store.once("gpu"):
        raise Untestable("another process holds GPU 0")
    with store.once("gpu") as first:
        assert first


def test_runs_of_all_processes_are_added_up(store: EvidenceStore) -> None:
    for began, ended in ((10.0, 20.0), (12.0, 14.0), (15.0, 25.0), (30.0, 40.0)):
        EvidenceStore(store.folder).note_run("cpu", Run(began, ended, 1.0))
    times = store.times("cpu")
    assert times is not None
    assert (times.whole, times.busy) == (30.0, pytest.approx(25.0))

"""Taking over: what belongs together comes whole or not at all, and nothing that this run measured is replaced."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from builders import measured, sampled_metric, witness_of

from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.fingerprint import Fingerprint
from llm_claims.sources.base import Placed
from llm_claims.sources.kept import KeptEntry, KeptEvidence
from llm_claims.sources.store import EvidenceStore
from llm_claims.sources.takeover import take_over_passes, take_over_seeds
from llm_claims.workloads.base import Generation, Training

A, B, C = (Placed(Generation(new_tokens=n)) for n in (1, 2, 3))
SEEDED = Placed(Training(seed=7))
DAY = date(2026, 1, 2)


def evidence(placed: Placed, *rounds: int) -> Evidence:
    name = "train_runtime_seconds" if isinstance(placed.workload, Training) else "latency_seconds"
    metric = sampled_metric(name, *(1.0 + number for number in rounds))
    return measured(placed.workload, rounds, witness_of(placed.workload), **{name: metric})


def entry(placed: Placed, *rounds: int, alone: bool = True) -> KeptEntry:
    return KeptEntry(source="cpu", alone=alone, since=DAY, evidence=evidence(placed, *rounds))


def offered(folder: Path, *entries: KeptEntry) -> EvidenceStore:
    store = EvidenceStore(folder)
    store.offer(KeptEvidence(fingerprint=Fingerprint({}), entries=entries))
    return EvidenceStore(folder)


def has(store: EvidenceStore) -> dict[Placed, tuple[int, ...]]:
    known = {placed: store.read("cpu", placed) for placed in (A, B, C, SEEDED)}
    return {placed: one.rounds for placed, one in known.items() if one}


def test_without_an_offer_there_is_nothing(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    take_over_passes(store, "cpu", [A, B], 3)
    take_over_seeds(store, "cpu", A, 3)
    assert has(store) == {}
    assert store.reused("cpu", A) is None


def test_passes_come_together(tmp_path: Path) -> None:
    store = offered(tmp_path, entry(A, 1, 2, 3), entry(B, 1, 2, 3, 4), entry(C, 1, 2, 3))
    take_over_passes(store, "cpu", [A, B], 3)
    assert has(store) == {A: (1, 2, 3), B: (1, 2, 3, 4)}
    assert (store.reused("cpu", A), store.reused("cpu", C)) == (DAY, None)
    assert store.entries("cpu") == sorted(
        [entry(A, 1, 2, 3), entry(B, 1, 2, 3, 4)], key=lambda one: one.evidence.workload.digest
    )


@pytest.mark.parametrize(
    "short",
    [
        [entry(A, 1, 2, 3)],
        [entry(A, 1, 2, 3), entry(B, 1, 2)],
        [entry(A, 1, 2, 3), entry(B, 3, 4, 5)],
        [entry(A, 1, 2, 3), entry(B, 1, 2, 3, alone=False)],
    ],
    ids=["one lacks", "too few", "too few in common", "beside others"],
)
def test_passes_that_do_not_suffice_stay(tmp_path: Path, short: list[KeptEntry]) -> None:
    store = offered(tmp_path, *short)
    take_over_passes(store, "cpu", [A, B], 3)
    assert has(store) == {}


def test_what_this_run_measured_is_not_replaced(tmp_path: Path) -> None:
    store = offered(tmp_path, entry(A, 1, 2, 3), entry(B, 1, 2, 3))
    store.write("cpu", B, evidence(B, 4))
    take_over_passes(store, "cpu", [A, B], 3)
    take_over_seeds(store, "cpu", B, 3)
    assert has(store) == {B: (4,)}


def test_passes_of_this_run_are_numbered_above_all_that_is_offered(tmp_path: Path) -> None:
    store = offered(tmp_path, entry(A, 1, 2, 3), entry(B, 8, 9))
    assert store.latest_round("cpu") == 9
    take_over_passes(store, "cpu", [A], 3)
    assert store.latest_round("cpu") == 9
    store.write("cpu", C, evidence(C, 10))
    assert store.latest_round("cpu") == 10


def test_of_a_stated_seed_one_pass_is_enough(tmp_path: Path) -> None:
    store = offered(tmp_path, entry(A, 1, 2, 3), entry(SEEDED, 1))
    take_over_passes(store, "cpu", [A, SEEDED], 3)
    assert has(store) == {A: (1, 2, 3), SEEDED: (1,)}


@pytest.mark.parametrize(
    ("rounds", "wanted", "taken"),
    [((1, 2, 3), 3, True), ((1, 2, 3), 2, True), ((1, 2), 3, False), ((4, 5, 6), 3, False), ((1, 2, 3, 7), 3, False)],
)
def test_seeds_are_the_first_ones_or_none(tmp_path: Path, rounds: tuple[int, ...], wanted: int, taken: bool) -> None:
    store = offered(tmp_path, entry(A, *rounds, alone=False))
    take_over_seeds(store, "cpu", A, wanted)
    assert has(store) == ({A: rounds} if taken else {})


def test_a_stated_seed_is_one_round_whatever_its_number(tmp_path: Path) -> None:
    store = offered(tmp_path, entry(SEEDED, 6))
    take_over_seeds(store, "cpu", SEEDED, 1)
    assert has(store) == {SEEDED: (6,)}


def test_passes_may_serve_as_seeds_and_are_passes_no_more(tmp_path: Path) -> None:
    store = offered(tmp_path, entry(A, 1, 2, 3))
    take_over_seeds(store, "cpu", A, 3)
    assert [one.alone for one in store.entries("cpu")] == [False]

"""What a run takes over from earlier runs instead of measuring it: all that belongs together, or none of it."""

from __future__ import annotations

from collections.abc import Sequence

from llm_claims.sources.base import Placed
from llm_claims.sources.rounds import common_rounds
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import seed_of


def take_over_passes(store: EvidenceStore, source: str, placed: Sequence[Placed], rounds: int) -> None:
    """Take over workloads that are timed together, if all have as many passes in common as are asked for.

    Whoever calls this has the machine alone.
    """
    offered = [store.offered(source, one) for one in placed]
    passes = [entry for entry in offered if entry is not None and entry.alone]
    if len(passes) < len(placed) or any(store.read(source, one) for one in placed):
        return
    known = {one: entry.evidence.rounds for one, entry in zip(placed, passes, strict=True)}
    if common_rounds(known) >= rounds:
        for one, entry in zip(placed, passes, strict=True):
            store.take_over(one, entry)


def take_over_seeds(store: EvidenceStore, source: str, one: Placed, rounds: int) -> None:
    """Take over a workload whose rounds are seeds, if it has all that are asked for: one, where the seed is stated.

    Whoever calls this holds the workload's lock.
    """
    entry = store.offered(source, one)
    if entry is None or store.read(source, one):
        return
    known = entry.evidence.rounds
    numbered_by_seeds = known == tuple(range(1, len(known) + 1))
    if seed_of(one.workload) is not None or (numbered_by_seeds and len(known) >= rounds):
        # Rounds that are added from now on are no passes.
        store.take_over(one, entry.model_copy(update={"alone": False}))

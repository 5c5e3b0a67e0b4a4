"""Rounds that placed workloads have in common."""

from __future__ import annotations

from collections.abc import Mapping

from llm_claims.sources.base import Placed


def common_rounds(rounds: Mapping[Placed, tuple[int, ...]]) -> float:
    """Count the rounds that all have in common; a workload that states its seed needs one, and limits no other."""
    sets = [set(those) for one, those in rounds.items() if not those or one.workload.fixed_seed is None]
    return len(set.intersection(*sets)) if sets else float("inf")

"""Rounds that workloads have in common."""

from __future__ import annotations

import math

from llm_claims.sources.base import Placed
from llm_claims.sources.rounds import common_rounds
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training

A, B = Placed(Generation(new_tokens=1)), Placed(Generation(new_tokens=2))
SEEDED = Placed(Training(seed=7))


def test_only_what_all_have_is_common() -> None:
    assert common_rounds({A: (1, 2, 3)}) == 3
    assert common_rounds({A: (1, 2, 3), B: (2, 3, 4)}) == 2
    assert common_rounds({A: (1, 2, 3), B: ()}) == 0
    assert common_rounds({A: (1, 2), B: (3, 4)}) == 0


def test_of_a_stated_seed_one_round_is_all_there_can_be() -> None:
    assert common_rounds({SEEDED: (4,)}) == math.inf
    assert common_rounds({SEEDED: (4,), A: (1, 2)}) == 2
    assert common_rounds({SEEDED: (), A: (1, 2)}) == 0


def test_nothing_lacks_no_round() -> None:
    assert common_rounds({}) == math.inf

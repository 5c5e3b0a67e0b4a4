"""Shares of a step: what kernels covered, and how long messages took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_claims.programs.training.kernels import Kernel, covered, durations_of_nccl, shares

GEMM, REDUCE = "nvjet_sm90_tst_128x192", "ncclDevKernel_AllReduce_Sum_bf16_RING_LL"
STEP: list[Kernel] = [
    (GEMM, (0, 300_000)),
    (GEMM, (200_000, 400_000)),
    (REDUCE, (350_000, 600_000)),
    (GEMM, (700_000, 800_000)),
    (REDUCE, (800_000, 900_000)),
]


def of(*others: list[float]) -> dict[str, float]:
    return dict(shares(STEP, [durations_of_nccl(STEP), *others], seconds=1.0))


def test_what_overlaps_counts_once_and_what_is_hidden_is_not_exposed() -> None:
    found = of()
    assert found["compute_share"] == pytest.approx(0.5)
    assert found["exposed_communication_share"] == pytest.approx(0.3)
    assert found["communication_share"] == pytest.approx(0.35)


def test_to_wait_for_another_rank_is_not_to_communicate() -> None:
    """The other came 200 ms later to the first, and 90 ms earlier to the second."""
    assert of([50_000, 190_000])["communication_share"] == pytest.approx(0.15)


def test_ranks_that_ran_different_collectives_tell_nothing() -> None:
    assert set(of([50_000])) == {"compute_share", "exposed_communication_share"}


def test_a_step_without_messages_has_none() -> None:
    found = dict(shares([(GEMM, (0, 10))], [[], []], seconds=1.0))
    assert (found["communication_share"], found["exposed_communication_share"]) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda ends: (min(ends), max(ends)))))
def test_covered_is_the_number_of_cells_that_any_span_covers(spans: list[tuple[int, int]]) -> None:
    assert covered(spans) == len({cell for first, last in spans for cell in range(first, last)})

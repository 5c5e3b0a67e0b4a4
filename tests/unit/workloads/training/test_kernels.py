"""Shares of a step: what kernels covered, and how long messages took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_claims.workloads.training.kernels import (
    Kernel,
    comparable,
    covered,
    shares,
    summary,
    without_barrier,
)

GEMM, REDUCE = "nvjet_sm90_tst_128x192", "ncclDevKernel_AllReduce_Sum_bf16_RING_LL"
STEP: list[Kernel] = [
    (GEMM, (0, 300_000)),
    (GEMM, (200_000, 400_000)),
    (REDUCE, (350_000, 600_000)),
    (GEMM, (700_000, 800_000)),
    (REDUCE, (800_000, 900_000)),
]


def of(*others: list[float]) -> dict[str, float]:
    return dict(shares(STEP, [summary(STEP)[1], *others], seconds=1.0))


def test_what_overlaps_counts_once_and_what_is_hidden_is_not_exposed() -> None:
    found = of()
    assert found["compute_share"] == pytest.approx(0.5)
    assert found["exposed_communication_share"] == pytest.approx(0.3)
    assert found["communication_share"] == pytest.approx(0.35)


def test_to_wait_for_another_rank_is_not_to_communicate() -> None:
    """The other came 200 ms later to the first, and 90 ms earlier to the second."""
    assert of([50_000, 190_000])["communication_share"] == pytest.approx(0.15)


def test_the_first_message_is_the_barrier_before_the_step() -> None:
    met: list[Kernel] = [(REDUCE, (-50, -40)), *STEP]
    assert without_barrier(reversed(met)) == STEP
    assert without_barrier([(GEMM, (0, 10))]) == [(GEMM, (0, 10))]


@pytest.mark.parametrize(
    "of_ranks",
    [
        [(9, [1.0, 2.0]), (9, [1.0])],  # different messages
        [(9, []), (9, [])],  # none
        [(9, [1.0]), (0, [1.0])],  # a rank of which the profiler saw no computing
        [(0, []), (0, [])],  # a profiler that saw nothing
    ],
)
def test_what_was_not_seen_is_no_zero(of_ranks: list[tuple[int, list[float]]]) -> None:
    assert not comparable(of_ranks)


def test_ranks_that_sent_as_many_messages_compare() -> None:
    assert comparable([(9, [1.0, 2.0]), (8, [2.0, 1.0])])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda ends: (min(ends), max(ends)))))
def test_covered_is_the_number_of_cells_that_any_span_covers(spans: list[tuple[int, int]]) -> None:
    assert covered(spans) == len({cell for first, last in spans for cell in range(first, last)})

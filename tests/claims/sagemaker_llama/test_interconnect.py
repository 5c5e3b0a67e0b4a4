"""The interconnect: what RDMA gives each ZeRO stage.

The document states a speed-up and shows no run with RDMA. Its statement is recorded as the metric
``rdma_speedup``; a live source measures both runs and derives the same metric.
"""

from __future__ import annotations

import pytest

from llm_claims import claim, known, less, ratio

from .margins import LEAST_NAMED_DIFFERENCE
from .speedups import rdma_speedup

ONE = known(1, "ratio")


@claim("train-speed-rdma-zero1", place="A, run A; tip G")
def test_rdma_doubles_zero1(measure, judge):
    judge(ratio(rdma_speedup(measure, zero_stage=1), over=ONE, documented=2))


@claim("train-speed-rdma-zero3", place="A, run D; tip G")
def test_rdma_triples_zero3(measure, judge):
    judge(ratio(rdma_speedup(measure, zero_stage=3), over=ONE, documented=3))


@claim("train-speed-rdma-helps-zero3-more", place="A, runs A and D")
@pytest.mark.parametrize("precision", ["bf16"])
def test_rdma_helps_zero3_more(measure, judge, precision):
    judge(less(rdma_speedup(measure, zero_stage=1), rdma_speedup(measure, zero_stage=3), by=LEAST_NAMED_DIFFERENCE))

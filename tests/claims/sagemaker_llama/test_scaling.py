"""Scaling: whether what is said of one number of GPUs holds at others, and of each way to join those of one host.

NCCL's transports stand for the interconnect: peer-to-peer copies for RDMA; what goes through the host's memory, shared
or by its TCP stack, for none.
"""

from __future__ import annotations

import pytest

from llm_claims import Training, claim, less

from .margins import LEAST_NAMED_DIFFERENCE

BY_RANKS = pytest.mark.parametrize("ranks", [2, 4, 8], ids=lambda ranks: f"ranks{ranks}")
BY_SLOWER_TRANSPORT = pytest.mark.parametrize("transport", ["shm", "socket"])


@claim("train-speed-zero1-above-zero3", place="A, tip D")
@BY_RANKS
def test_zero1_trains_faster_than_zero3_at_each_number_of_ranks(measure, judge, ranks):
    zero1, zero3 = (step_seconds(measure, stage, ranks, "p2p") for stage in (1, 3))
    judge(less(zero1, zero3, by=LEAST_NAMED_DIFFERENCE))


def step_seconds(measure, zero_stage, ranks, transport):
    """Step time on GPUs of one host."""
    return measure(Training(zero_stage=zero_stage, precision="bf16", ranks=ranks, transport=transport)).step_seconds


@claim("train-speed-rdma-zero1", place="A, run A; tip G")
@BY_RANKS
@BY_SLOWER_TRANSPORT
def test_zero1_trains_faster_from_peer_to_peer(measure, judge, ranks, transport):
    slower, fastest = (step_seconds(measure, 1, ranks, one) for one in (transport, "p2p"))
    judge(less(fastest, slower, by=LEAST_NAMED_DIFFERENCE))


@claim("train-speed-rdma-zero3", place="A, run D; tip G")
@BY_RANKS
@BY_SLOWER_TRANSPORT
def test_zero3_trains_faster_from_peer_to_peer(measure, judge, ranks, transport):
    slower, fastest = (step_seconds(measure, 3, ranks, one) for one in (transport, "p2p"))
    judge(less(fastest, slower, by=LEAST_NAMED_DIFFERENCE))

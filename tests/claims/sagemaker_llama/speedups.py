"""The speed-up that RDMA gives, stated by a document or derived from two measured runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from llm_claims import Measurement, Quantity, Training


def rdma_speedup(measure: Callable[..., Measurement], zero_stage: Literal[1, 3]) -> Quantity:
    """Step time without RDMA over step time with it, in bf16; a stated factor where no run is shown."""
    fast = measure(Training(zero_stage=zero_stage, precision="bf16", rdma=True))
    slow = measure(Training(zero_stage=zero_stage, precision="bf16", rdma=False))
    return fast.stated("rdma_speedup", otherwise=slow.step_seconds / fast.step_seconds)

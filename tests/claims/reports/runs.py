"""The run that reports are judged on, whatever they change of it."""

from __future__ import annotations

from functools import partial

from llm_claims import Training

Tuning = partial(
    Training,
    initial_weights="pretrained",
    parallelism="deepspeed",
    ranks=2,
    samples=128,
    micro_batch=4,
    gradient_accumulation=2,
    warmup_steps=5,
)
"""Eight steps of 16 samples everywhere: in fewer, or while rates still rise from zero, losses would hardly move."""

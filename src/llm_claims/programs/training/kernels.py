"""What the device did in one optimizer step: how long kernels ran, and how long those of NCCL."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llm_claims.programs.protocol import Figure

if TYPE_CHECKING:
    from transformers import Trainer

Span = tuple[float, float]
_MICROSECONDS = 1e-6


def shares_of_a_step(trainer: Trainer) -> dict[str, Figure]:
    """Train one more step under PyTorch's profiler and return which shares of it kernels took on this rank's device.

    ``device_busy_share`` is the time in which any kernel ran, ``communication_share`` that of NCCL's, and
    ``exposed_communication_share`` that in which no other ran beside them. The step is none of those that were timed.
    """
    import torch

    batches = list(itertools.islice(trainer.get_train_dataloader(), trainer.args.gradient_accumulation_steps))
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        start = perf_counter()
        _step(trainer, batches)
        torch.cuda.synchronize()
        seconds = perf_counter() - start
    kernels = [event for event in profiler.events() if _is_kernel(event)]
    return dict(shares(((event.name, (event.time_range.start, event.time_range.end)) for event in kernels), seconds))


def _step(trainer: Trainer, batches: list[Any]) -> None:
    """One optimizer step, in the way of the Trainer: DeepSpeed takes it with the last micro-batch."""
    for number, batch in enumerate(batches, start=1):
        trainer.accelerator.gradient_state._set_sync_gradients(number == len(batches))
        trainer.training_step(trainer.model_wrapped, batch)


def _is_kernel(event: Any) -> bool:
    return event.device_type.name == "CUDA" and not getattr(event, "is_user_annotation", False)


def shares(kernels: Iterable[tuple[str, Span]], seconds: float) -> Iterator[tuple[str, float]]:
    """Yield each share of ``seconds``; spans of kernels are in microseconds, in any order."""
    of_nccl: list[Span] = []
    others: list[Span] = []
    for name, span in kernels:
        (of_nccl if "nccl" in name.lower() else others).append(span)
    busy, alone = covered(of_nccl + others), covered(others)
    yield "device_busy_share", busy * _MICROSECONDS / seconds
    yield "communication_share", covered(of_nccl) * _MICROSECONDS / seconds
    yield "exposed_communication_share", (busy - alone) * _MICROSECONDS / seconds


def covered(spans: Iterable[Span]) -> float:
    """Return how much of a line spans cover, those that overlap counted once."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total

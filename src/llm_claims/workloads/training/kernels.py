"""What the device did in one optimizer step: how long it computed, and how long it sent and received."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.protocol import Figure

if TYPE_CHECKING:
    from transformers import Trainer

Span = tuple[float, float]
Kernel = tuple[str, Span]
_MICROSECONDS = 1e-6


def profiled_step(trainer: Trainer) -> dict[str, Figure]:
    """Train one more step under PyTorch's profiler; return its time and which shares of it kernels of this rank took.

    ``compute_share`` is the time in which kernels other than NCCL's ran, ``communication_share`` that in which messages
    crossed, and ``exposed_communication_share`` that in which NCCL's kernels ran and no other: there they cross, or
    wait for a rank that comes later. Nothing is returned where the profiler saw none of either on some rank, where
    ranks sent different messages, or where the loss scale skipped the step. It is none of the steps that were timed.
    """
    import torch

    batches = list(itertools.islice(trainer.get_train_dataloader(), trainer.args.gradient_accumulation_steps))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        # Profilers take their time to begin, and on each rank another.
        torch.distributed.barrier()
        torch.cuda.synchronize()
        start = perf_counter()
        _step(trainer, batches)
        torch.cuda.synchronize()
        seconds = perf_counter() - start
    kernels = without_barrier((event.name, _span(event)) for event in profiler.events() if _ran(event))
    of_ranks: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(of_ranks, durations(kernels))
    if trainer.accelerator.optimizer_step_was_skipped or not comparable(of_ranks):
        return {}
    return {"watched_step_seconds": seconds, **dict(shares(kernels, [of_nccl for _, of_nccl in of_ranks], seconds))}


def _step(trainer: Trainer, batches: list[Any]) -> None:
    """One optimizer step, in the way of the Trainer: DeepSpeed takes it with the last micro-batch."""
    for number, batch in enumerate(batches, start=1):
        trainer.accelerator.gradient_state._set_sync_gradients(number == len(batches))
        trainer.training_step(trainer.model_wrapped, batch)


def _ran(event: Any) -> bool:
    """Whether an event is of a kernel or a copy; others name a part of the program that started some."""
    return event.device_type.name == "CUDA" and not getattr(event, "is_user_annotation", False)


def _span(event: Any) -> Span:
    return event.time_range.start, event.time_range.end


def without_barrier(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Return kernels by their starts, without the first of NCCL: with that the ranks met before the step."""
    ordered = sorted(kernels, key=lambda kernel: kernel[1])
    barrier = next((number for number, (name, _) in enumerate(ordered) if _of_nccl(name)), None)
    return [kernel for number, kernel in enumerate(ordered) if number != barrier]


def durations(kernels: Iterable[Kernel]) -> tuple[int, list[float]]:
    """Return how many kernels computed, and how long each of NCCL's ran, in microseconds, in their order."""
    listed = list(kernels)
    of_nccl = [last - first for name, (first, last) in listed if _of_nccl(name)]
    return len(listed) - len(of_nccl), of_nccl


def comparable(of_ranks: Sequence[tuple[int, Sequence[float]]]) -> bool:
    """Whether every rank was seen to compute, and all sent as many messages, some at least."""
    counts = {len(of_nccl) for _, of_nccl in of_ranks}
    return all(computing for computing, _ in of_ranks) and len(counts) == 1 and counts != {0}


def shares(
    kernels: Sequence[Kernel], durations_of_ranks: Sequence[Sequence[float]], seconds: float
) -> Iterator[tuple[str, float]]:
    """Yield each share of ``seconds``. Spans of kernels are in microseconds, in any order.

    ``durations_of_ranks`` are those of NCCL's kernels on each rank, shape (ranks, kernels): all ranks run the same
    collectives in the same order, and a kernel runs from when its own rank comes to it until all have. So the rank
    that comes last shows how long the messages took, and the least duration is its.
    """
    computing = covered(span for name, span in kernels if not _of_nccl(name))
    crossing = sum(map(min, zip(*durations_of_ranks, strict=True)))
    yield "compute_share", computing * _MICROSECONDS / seconds
    yield "communication_share", crossing * _MICROSECONDS / seconds
    yield "exposed_communication_share", (covered(span for _, span in kernels) - computing) * _MICROSECONDS / seconds


def _of_nccl(name: str) -> bool:
    return "nccl" in name.lower()


def covered(spans: Iterable[Span]) -> float:
    """Return how much of a line spans cover, those that overlap counted once."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total

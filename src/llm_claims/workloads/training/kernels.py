"""Profile one optimizer step on a GPU: how long it computed, and how long it communicated."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.clock import clock
from llm_claims.workloads.protocol import Figure

if TYPE_CHECKING:
    from transformers import Trainer

Span = tuple[float, float]
Kernel = tuple[str, Span]
_MICROSECONDS = 1e-6


def profiled_step(trainer: Trainer) -> dict[str, Figure]:
    """Train one extra step under PyTorch's profiler; return its seconds, and shares of them by kind of kernel.

    ``compute_share`` is the share in which kernels other than NCCL's ran on this rank, ``communication_share`` that in
    which messages were transferred, and ``exposed_communication_share`` that in which only NCCL's kernels ran, to
    transfer messages or to wait for a later rank. The result is empty if on some rank the profiler saw no computing
    or no NCCL kernel, if ranks have different numbers of NCCL kernels, or if the loss scale skipped the step.
    """
    import torch

    batches = list(itertools.islice(trainer.get_train_dataloader(), trainer.args.gradient_accumulation_steps))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        # The profiler starts at another moment on each rank: wait for all.
        torch.distributed.barrier()
        torch.cuda.synchronize()
        clock.begin("measuring")
        start = perf_counter()
        _step(trainer, batches)
        torch.cuda.synchronize()
        seconds = perf_counter() - start
        clock.begin("rest")
    kernels = without_barrier((event.name, _span(event)) for event in profiler.events() if _is_kernel(event))
    of_ranks: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(of_ranks, summary(kernels))
    if trainer.accelerator.optimizer_step_was_skipped or not comparable(of_ranks):
        return {}
    return {"watched_step_seconds": seconds, **dict(shares(kernels, [of_nccl for _, of_nccl in of_ranks], seconds))}


def _step(trainer: Trainer, batches: list[Any]) -> None:
    """Run one optimizer step as the Trainer does; DeepSpeed updates the weights in the last micro-batch."""
    for number, batch in enumerate(batches, start=1):
        trainer.accelerator.gradient_state._set_sync_gradients(number == len(batches))
        trainer.training_step(trainer.model_wrapped, batch)


def _is_kernel(event: Any) -> bool:
    """Whether an event is a kernel or a copy on the GPU, and not an annotation of a part of the program."""
    return event.device_type.name == "CUDA" and not getattr(event, "is_user_annotation", False)


def _span(event: Any) -> Span:
    return event.time_range.start, event.time_range.end


def without_barrier(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Return kernels in order of their start, without the first of NCCL, which is the barrier before the step."""
    ordered = sorted(kernels, key=lambda kernel: kernel[1])
    barrier = next((number for number, (name, _) in enumerate(ordered) if _of_nccl(name)), None)
    return [kernel for number, kernel in enumerate(ordered) if number != barrier]


def summary(kernels: Iterable[Kernel]) -> tuple[int, list[float]]:
    """Return how many kernels are not NCCL's, and the durations of NCCL's in order, in microseconds."""
    listed = list(kernels)
    of_nccl = [last - first for name, (first, last) in listed if _of_nccl(name)]
    return len(listed) - len(of_nccl), of_nccl


def comparable(of_ranks: Sequence[tuple[int, Sequence[float]]]) -> bool:
    """Whether every rank ran computing kernels, and all ran the same number of NCCL kernels, at least one."""
    counts = {len(of_nccl) for _, of_nccl in of_ranks}
    return all(computing for computing, _ in of_ranks) and len(counts) == 1 and counts != {0}


def shares(
    kernels: Sequence[Kernel], durations_of_ranks: Sequence[Sequence[float]], seconds: float
) -> Iterator[tuple[str, float]]:
    """Yield name and value of each share of ``seconds``. Spans of kernels are in microseconds, in any order.

    ``durations_of_ranks`` are those of NCCL's kernels on each rank, shape (ranks, kernels). All ranks run the same
    collectives in the same order, and a kernel also waits until every rank has started it. The last rank to start
    does not wait, so the least duration over ranks is the time of the transfer.
    """
    computing = covered(span for name, span in kernels if not _of_nccl(name))
    transferring = sum(map(min, zip(*durations_of_ranks, strict=True)))
    yield "compute_share", computing * _MICROSECONDS / seconds
    yield "communication_share", transferring * _MICROSECONDS / seconds
    yield "exposed_communication_share", (covered(span for _, span in kernels) - computing) * _MICROSECONDS / seconds


def _of_nccl(name: str) -> bool:
    return "nccl" in name.lower()


def covered(spans: Iterable[Span]) -> float:
    """Return the total length that spans cover, with overlaps counted once."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total

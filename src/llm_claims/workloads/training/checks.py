"""Check that this machine's hardware can train a workload."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from llm_claims.errors import Untestable
from llm_claims.workloads.devices import Devices
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.llm.shapes import LARGE, weights_of
from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.training import link
from llm_claims.workloads.training.defaults import CPU
from llm_claims.workloads.training.run import TrainingRun
from llm_claims.workloads.training.workload import Training

# Memory in use over that of weights, gradients and optimizer state: activations, the libraries' workspaces.
_OVERHEAD = 1.1


def check(workload: Training, hardware: Hardware) -> None:
    """Check that this hardware can train a workload whose open fields are filled.

    Raises
    ------
    Untestable
        It cannot; the text says why.
    """
    devices = hardware.devices
    if devices is None:
        _check_processor(workload)
    else:
        _check_gpus(workload, devices)
    try:
        TrainingRun.of(workload, seed=0)
    except UnsupportedWorkload as reason:
        raise Untestable(str(reason)) from None


def check_timed(workload: Training, hardware: Hardware) -> None:
    """Check that no ranks share a core; what they compute is the same where they do, and only takes longer.

    Raises
    ------
    Untestable
        They would.
    """
    ranks, most = workload.ranks or 1, CPU.partitioned.ranks or 1
    if hardware.devices is None and ranks > most:
        raise Untestable(
            f"ranks={ranks} would compete for this processor's cores, and times are compared: at most {most} are timed"
        )


def _check_processor(workload: Training) -> None:
    if workload.transport is not None:
        raise Untestable(f"transport={workload.transport} is one between GPUs; ranks on a processor use gloo")
    if workload.precision == "fp16" and workload.parallelism == "deepspeed" and not _has_native_fp16():
        raise Untestable("DeepSpeed refuses fp16 on a processor without native fp16 arithmetic, such as this one")
    if workload.link_mbit_per_second is not None and (reason := link.missing()):
        raise Untestable(reason)


def _check_gpus(workload: Training, devices: Devices) -> None:
    ranks = workload.ranks or 1
    devices.check_count(ranks, f"ranks={ranks}")
    if workload.link_mbit_per_second:
        raise Untestable(
            "a shaped link connects network namespaces, and GPUs of one host do not communicate through these"
        )
    if workload.model in LARGE:
        devices.check_memory(_bytes_a_rank(workload), f"training {workload.model} at {ranks} ranks")


def _bytes_a_rank(workload: Training) -> float:
    """Return the bytes that a rank holds in mixed precision (Rajbhandari et al., ZeRO, SC20, section 3.1).

    Two for each weight, two for its gradient, and twelve for its optimizer state. ZeRO-1 partitions the optimizer
    state over the ranks, ZeRO-2 the gradients too, ZeRO-3 everything.
    """
    ranks = workload.ranks or 1
    assert workload.model is not None
    per_weight = {0: 16.0, 1: 4 + 12 / ranks, 2: 2 + 14 / ranks, 3: 16 / ranks}[workload.zero_stage or 0]
    return per_weight * weights_of(workload.model) * _OVERHEAD


@lru_cache(maxsize=1)
def _has_native_fp16() -> bool:
    """Whether the processor computes in fp16, from /proc/cpuinfo; DeepSpeed asks oneDNN the same."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_fp16" in text

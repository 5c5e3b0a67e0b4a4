"""Check that this machine's hardware can serve a request."""

from __future__ import annotations

from llm_claims.errors import Untestable
from llm_claims.workloads.devices import Devices
from llm_claims.workloads.generation.defaults import CPU
from llm_claims.workloads.generation.request import supported
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.llm.shapes import LARGE, weights_of
from llm_claims.workloads.program import UnsupportedWorkload

# Memory in use over that of the weights: key-value cache, activations, the libraries' workspaces.
_OVERHEAD = 1.15


def check(workload: Generation, hardware: Hardware) -> None:
    """Check that this hardware can serve a request whose open fields are filled.

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
        supported(workload, hardware.device)
    except UnsupportedWorkload as reason:
        raise Untestable(str(reason)) from None


def _check_processor(workload: Generation) -> None:
    here_are = CPU.fields_for(workload)
    for field in ("engine", "tensor_parallel_degree", "model", "precision"):
        asked, here = getattr(workload, field), here_are[field]
        if asked != here:
            raise Untestable(f"the case needs {field}={asked}; the CPU serves {field}={here}")


def _check_gpus(workload: Generation, devices: Devices) -> None:
    degree = workload.tensor_parallel_degree or 1
    devices.check_count(degree, f"tensor_parallel_degree={degree}")
    if workload.engine == "transformers" and degree > 1:
        raise Untestable("the engine transformers serves on one GPU here; accelerate and deepspeed take several")
    if workload.device_memory_gib is not None:
        needed, reason = workload.device_memory_gib * 2**30, f"a cap of {workload.device_memory_gib:g} GiB"
    else:
        weights = weights_of(workload.model) if workload.model in LARGE else 0
        needed, reason = 2 * weights / degree * _OVERHEAD, f"serving {workload.model} on {degree} GPU(s)"
    devices.check_memory(needed, reason)

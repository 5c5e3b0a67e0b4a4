"""The limits of a device, measured on it: its rate of matrix products and its copy bandwidth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

_SIDE = 8192
_COPY_BYTES = 2**30
_WARM_UPS, _TIMES = 3, 10


def matrix_flops_per_second(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of matrix products in flop/s: of square matrices of side n = 8192, 2 n³ operations each."""
    import torch

    a, b = (torch.randn(_SIDE, _SIDE, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2.0 * _SIDE**3 / _mean_seconds(lambda: torch.mm(a, b, out=out))


def copy_bandwidth_bytes_per_second(device: torch.device) -> float:
    """Return how many bytes a copy within the device's memory reads and writes a second."""
    import torch

    a = torch.empty(_COPY_BYTES, device=device, dtype=torch.uint8)
    b = torch.empty_like(a)
    return 2.0 * _COPY_BYTES / _mean_seconds(lambda: b.copy_(a))


def _mean_seconds(call: Callable[[], object]) -> float:
    """Return the mean seconds of a call on the current device after warm-up, by CUDA events."""
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    for _ in range(_WARM_UPS):
        call()
    start.record()
    for _ in range(_TIMES):
        call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000 / _TIMES

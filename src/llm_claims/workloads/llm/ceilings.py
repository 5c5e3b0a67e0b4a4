"""The ceilings of a device, measured where a run is: its matrix rate and its copy bandwidth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

_SIDE = 8192
_COPY_BYTES = 2**30
_WARM_UPS, _TIMES = 3, 10


def matrix_flops_per_second(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of products of square matrices of side 8192, two operations an element and step, in flop/s."""
    import torch

    a, b = (torch.randn(_SIDE, _SIDE, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2.0 * _SIDE**3 / _seconds_each(lambda: torch.mm(a, b, out=out))


def copy_bandwidth_bytes_per_second(device: torch.device) -> float:
    """Return how many bytes a copy within the device's memory reads and writes a second."""
    import torch

    a = torch.empty(_COPY_BYTES, device=device, dtype=torch.uint8)
    b = torch.empty_like(a)
    return 2.0 * _COPY_BYTES / _seconds_each(lambda: b.copy_(a))


def _seconds_each(act: Callable[[], object]) -> float:
    """Return the mean seconds of an act on the present device, by the device's own clock."""
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    for _ in range(_WARM_UPS):
        act()
    start.record()
    for _ in range(_TIMES):
        act()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000 / _TIMES

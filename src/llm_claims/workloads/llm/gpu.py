"""The GPU that a process uses, and environment variables that libraries read when they are imported."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ENVIRONMENT = {
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    # Asking CUDA itself whether there are GPUs would initialize it, and then no fork could use it.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
"""Environment variables of every program that forks, on any device."""


def local_rank() -> int:
    """The rank of this process among those of its group on this machine; 0 if it has no group."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def own_device() -> torch.device:
    """The device of this process: the GPU with the number of its local rank, or the processor if there is no GPU."""
    import torch

    return torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")


def see_one_device() -> None:
    """Hide all GPUs but one from this process; call it before CUDA is initialized.

    Without this, the Trainer would use every visible GPU in one process. The id of the process chooses the GPU, so
    that runs at the same time are spread over all.
    """
    visible = _visible_gpus()
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[os.getpid() % len(visible)] if visible else ""


def _visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if (said := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in said.split(",")]
        # CUDA ignores everything after the first invalid name.
        return list(itertools.takewhile(lambda name: name and not name.startswith("-"), names))
    import torch

    # Asks the driver, and does not initialize CUDA.
    return [str(number) for number in range(torch.cuda.device_count())]

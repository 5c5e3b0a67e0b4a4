"""The GPU that is a process's own, and what libraries must know of GPUs before they are imported."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ENVIRONMENT = {
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    # To ask CUDA itself whether there are GPUs would start it, and no fork could use it any more.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
"""For every program that forks, whatever its device."""


def local_rank() -> int:
    """The number of this process among those of its group on this machine; 0 of one alone."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def own_device() -> torch.device:
    """The device of this process: its own GPU, or the processor where there is none."""
    import torch

    return torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")


def see_one_device() -> None:
    """Let this process see one GPU, before it uses any: the Trainer gives a process alone all those that it sees.

    Which one follows from the number of the process, so that runs at the same time spread over all.
    """
    visible = _visible()
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[os.getpid() % len(visible)] if visible else ""


def _visible() -> list[str]:
    """The devices that a program started here may use, as CUDA_VISIBLE_DEVICES names them."""
    if (said := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in said.split(",")]
        # Behind a name that is none, CUDA shows no further device.
        return list(itertools.takewhile(lambda name: name and not name.startswith("-"), names))
    import torch

    # Asks the driver, and does not start CUDA.
    return [str(number) for number in range(torch.cuda.device_count())]

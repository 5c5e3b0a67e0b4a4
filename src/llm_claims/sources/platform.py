"""A platform: what this machine's programs run on, and what of the workloads it can measure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from llm_claims.sources.scaled import CPU_REFERENCE, check_here
from llm_claims.workloads.base import Workload
from llm_claims.workloads.devices import Devices
from llm_claims.workloads.reference import Reference


class Platform(Protocol):
    """What a live source on this machine has to know of the hardware.

    ``device`` is where PyTorch has to have run, ``noun`` what a reason calls it; ``shares`` tells whether samples
    that are not timed may run beside each other, ``sample_timeout_seconds`` bounds one sample unless an option says
    otherwise.
    """

    noun: str
    device: str
    always_here: bool
    shares: bool
    sample_timeout_seconds: float

    @property
    def name(self) -> Literal["cpu", "gpu"]:
        """The source's name."""

    @property
    def programs(self) -> Mapping[str, Sequence[str]]:
        """The command of the program of each kind of workload."""

    @property
    def reference(self) -> Reference:
        """What fills open fields.

        Raises
        ------
        Untestable
            This machine has no such platform; the text says why.
        """

    def check(self, workload: Workload) -> None:
        """Make sure that a filled workload can be measured.

        Raises
        ------
        Untestable
            It cannot; the text says why.
        """

    def take(self) -> Devices | None:
        """Look at the devices before anything runs on them; ``None`` where there is nothing to see.

        Raises
        ------
        Untestable
            Something else uses them.
        """


def programs_on(device: str) -> dict[str, tuple[str, ...]]:
    """The command of the program of each kind of workload."""
    modules = {"generation": "generate", "training": "train", "loading": "load"}
    option = () if device == "cpu" else ("--device", device)
    return {kind: (sys.executable, "-m", f"llm_claims.workloads.{name}", *option) for kind, name in modules.items()}


class CpuPlatform:
    """The processor of this machine."""

    name: Literal["cpu"] = "cpu"
    noun = "a CPU"
    device = "cpu"
    always_here = True
    shares = True
    sample_timeout_seconds = 120.0
    programs = programs_on("cpu")
    reference = CPU_REFERENCE

    def check(self, workload: Workload) -> None:
        """Refuse what a processor cannot measure."""
        check_here(workload)

    def take(self) -> None:
        """Nothing to look at."""

"""Hardware of this machine that a live source measures on: its processor, or its GPUs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from llm_claims.errors import Untestable
from llm_claims.workloads.devices import Devices, busy, find_devices


class Hardware(Protocol):
    """What a live source on this machine must know about the hardware it measures on.

    ``device`` is PyTorch's name for it, which witnesses must show; ``noun`` is its name in messages. ``shares``
    says whether untimed runs may overlap, ``always_here`` whether every machine has it.
    ``sample_timeout_seconds`` bounds one run, unless an option says otherwise. ``weights`` are the folders of the
    checkpoints on this machine, by model; whether one is damaged, whoever starts from it finds out.
    """

    name: str
    noun: str
    device: str
    always_here: bool
    shares: bool
    sample_timeout_seconds: float
    weights: Mapping[str, Path]

    @property
    def devices(self) -> Devices | None:
        """The GPUs as they were first found; ``None`` for a processor.

        Raises
        ------
        Untestable
            There are none.
        """

    def take(self) -> Devices | None:
        """Return the present state of the GPUs before anything runs on them; ``None`` for a processor.

        Raises
        ------
        Untestable
            Another process uses them.
        """


class Processor:
    """The processor of this machine."""

    name = "cpu"
    noun = "a CPU"
    device = "cpu"
    always_here = True
    shares = True
    sample_timeout_seconds = 120.0
    devices = None

    def __init__(self, weights: Mapping[str, Path] | None = None) -> None:
        self.weights = weights or {}

    def take(self) -> None:
        """Do nothing: a processor is always available."""


class Gpus:
    """The GPUs that NVIDIA's driver shows, looked up on first use."""

    name = "gpu"
    noun = "a GPU of this machine"
    device = "cuda"
    always_here = False
    # Processes take turns on a GPU, in slices so long that two of them are ten times slower.
    shares = False
    # The first sample includes building the model and compiling its decoding.
    sample_timeout_seconds = 600.0

    def __init__(self, weights: Mapping[str, Path] | None = None) -> None:
        self.weights = weights or {}

    @cached_property
    def _found(self) -> Devices | str:
        """The devices, or why there are none; cached, so that the driver is asked once."""
        try:
            return find_devices()
        except Untestable as reason:
            return str(reason)

    @property
    def devices(self) -> Devices:
        """The devices as they were first found.

        Raises
        ------
        Untestable
            There are none.
        """
        if isinstance(self._found, str):
            raise Untestable(self._found)
        return self._found

    def take(self) -> Devices:
        """Return the devices as they are now, before anything runs on them.

        Raises
        ------
        Untestable
            Another process uses one of them.
        """
        devices = find_devices()
        if reason := busy(devices):
            raise Untestable(reason)
        return devices


def processor() -> str:
    """Name the processor and the number of its cores that this process may use."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        cores = os.cpu_count() or 1
    return f"{_processor_model()}, {cores} {'core' if cores == 1 else 'cores'}"


def _processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, name = line.partition(":")
        if key.strip() == "model name" and name.strip():
            return name.strip()
    return platform.processor() or platform.machine()

"""Loading: bringing a model's weights into memory, with its metric and its witness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from llm_claims.errors import Untestable
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.llm.engine import ServingEngine
from llm_claims.workloads.llm.precision import DTYPES, Precision
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.witness import Witness


class LoadingWitness(Witness):
    """What was observed of a load; ``weight_dtypes`` are the dtypes of the weights in memory."""

    owed_by_failures = frozenset({"host_memory_to_weights", "model_server"})
    may_omit_device = True

    engine: str | None = None
    model: str | None = None
    parameters: PositiveInt | None = None
    weight_dtypes: tuple[str, ...] | None = None
    checkpoint: str | None = None
    low_cpu_mem_usage: bool | None = None
    device_map: str | None = None
    model_server: bool | None = None
    host_memory_to_weights: PositiveFloat | None = None

    @property
    def identifies_failure(self) -> bool:
        """Whether it says which engine failed."""
        return self.engine is not None


class Loading(Workload):
    """Loading a model's weights into memory, ready to serve.

    ``model_server`` says whether a resident model server shares the host memory;
    ``low_cpu_mem_usage`` and ``device_map`` are the arguments of ``from_pretrained``.
    ``host_memory_to_weights`` caps the host memory at this multiple of the bytes of the weights.
    """

    Witness = LoadingWitness
    must_state = ("model", "precision", "engine", "checkpoint")
    program = (sys.executable, "-m", "llm_claims.workloads.loading.program")
    # The kernel counts in kibibytes.
    metrics: ClassVar = {"peak_host_memory_bytes": Metric(unit="bytes", nature="noisy", resolution=1024)}

    model: str | None = None
    precision: Precision | None = None
    engine: ServingEngine | None = None
    low_cpu_mem_usage: bool | None = None
    device_map: Literal["auto"] | None = None
    model_server: bool | None = None
    checkpoint: Literal["bin", "safetensors"] | None = None
    host_memory_to_weights: PositiveFloat | None = None

    def expected(self) -> Iterator[tuple[str, object]]:
        """Yield what the witness must show; the precision is that of the weights."""
        for name, value in super().expected():
            yield ("weight_dtypes", (DTYPES[str(value)],)) if name == "precision" else (name, value)

    def check(self, hardware: Hardware) -> None:
        """Raise `Untestable` if the program cannot load this, or memory cannot be capped here."""
        from llm_claims.workloads.loading.program import supported

        try:
            supported(self)
        except UnsupportedWorkload as reason:
            raise Untestable(str(reason)) from None

    @classmethod
    def defaults_on(cls, hardware: Hardware) -> Defaults[Loading] | None:
        """Return a stand-in model on the processor: host memory can be measured without a GPU.

        Raises
        ------
        Untestable
            The hardware is not the processor.
        """
        if hardware.name != "cpu":
            raise Untestable("loading is measured on the processor only: its metric is host memory, which needs no GPU")
        from llm_claims.workloads.loading.defaults import CPU

        return CPU

    @classmethod
    def defaults_type(cls) -> type[Defaults[Loading]]:
        """The class with analogues of an instance's host memory."""
        from llm_claims.workloads.loading.defaults import LoadingDefaults

        return LoadingDefaults

"""The defaults of serving: a small model on a processor, the document's model on GPUs."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import Field, PositiveFloat, model_validator

from llm_claims.workloads.base import Defaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.llm.precision import Precision


class GenerationDefaults(Defaults[Generation]):
    """Defaults for open fields of a request, and analogues of instances with smaller GPUs.

    ``other_engine`` takes precedence over ``fields`` for requests to another engine than that of ``fields``, and
    ``in_precision`` over both for requests that state the precision.
    ``device_memory_gib`` maps instance types to the memory of each of their GPUs, in GiB.
    """

    version_1: ClassVar = {"other_engine_generation": "other_engine", "device_memory_gib": "device_memory_gib"}

    never_filled: ClassVar = frozenset({"batch_size", "quantization"})

    fields: Generation = Generation()
    other_engine: Generation = Generation()
    in_precision: dict[Precision, Generation] = Field(default={})
    device_memory_gib: dict[str, PositiveFloat] = Field(default={})

    @model_validator(mode="after")
    def _batch_size_stays_open(self) -> Self:
        if self.fields.batch_size is not None:
            raise ValueError("batch_size is never filled: a request without it is a configuration of its own")
        return self

    def fields_for(self, workload: Generation) -> dict[str, Any]:
        """Return ``fields``, overridden by what the stated engine and the stated precision have in their place."""
        found = self.fields.stated()
        if workload.engine not in (None, self.fields.engine):
            found |= self.other_engine.stated()
        if workload.precision in self.in_precision:
            found |= self.in_precision[workload.precision].stated()
        return found

    def analogue(self, workload: Generation, on: str | None) -> tuple[Generation, str | None, str]:
        """Replace an instance type with smaller GPUs by a cap on the memory of each GPU."""
        gib = self.device_memory_gib.get(on) if on else None
        if gib is None:
            return workload, on, ""
        note = f"an analogue of {on}'s memory, not of its speed: a GPU whose allocator may take {gib:g} GiB"
        return workload.model_copy(update={"device_memory_gib": gib}), None, note


CPU = GenerationDefaults(
    fields=Generation(
        model="llama-30m",
        precision="fp32",
        engine="transformers",
        api="generate",
        tensor_parallel_degree=1,
        input_tokens=10,
        new_tokens=64,
    ),
    # Who states bf16 asks how fast weights are read, so decoding has to be bound by memory, even in int8; and compiled,
    # since only compiled code converts int8 within the product.
    in_precision={"bf16": Generation(model="llama-88m", precision="bf16", cache="static", new_tokens=32)},
)

GPU = GenerationDefaults(
    fields=Generation(
        model="llama-7b",
        precision="bf16",
        engine="transformers",
        api="generate",
        cache="static",
        tensor_parallel_degree=1,
        input_tokens=10,
        new_tokens=64,
    ),
    other_engine=Generation(cache="dynamic"),
    device_memory_gib={"g5.xlarge": 24, "g5.2xlarge": 24},
)

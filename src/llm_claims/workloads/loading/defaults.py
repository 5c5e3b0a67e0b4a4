"""The defaults of loading, on the processor."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PositiveFloat

from llm_claims.workloads.base import Defaults
from llm_claims.workloads.loading.workload import Loading

# The document's model: 6.74e9 weights (Touvron et al., LLaMA, 2023, table 2) of two bytes in fp16.
_GIGABYTES_OF_7B = 13.5


class LoadingDefaults(Defaults[Loading]):
    """Defaults for open fields of a load, and analogues of instances by their host memory.

    ``host_memory_to_weights`` maps instance types to their host memory over the bytes of the weights.
    """

    version_1: ClassVar = {"host_memory_to_weights": "host_memory_to_weights"}

    fields: Loading = Loading()
    host_memory_to_weights: dict[str, PositiveFloat] = Field(default={})

    def analogue(self, workload: Loading, on: str | None) -> tuple[Loading, str | None, str]:
        """Replace an instance type by a cap on host memory."""
        cap = self.host_memory_to_weights.get(on) if on else None
        if cap is None:
            return workload, on, ""
        note = (
            f"an analogue of {on}: host memory capped at {cap:g} times the weights, on the transformers installed here"
        )
        return workload.model_copy(update={"host_memory_to_weights": cap}), None, note


CPU = LoadingDefaults(
    # Two bytes a weight, as in the document; DeepSpeed refuses fp16 on most processors. Files were .bin then.
    fields=Loading(model="llama-270m", precision="bf16", engine="transformers", model_server=True, checkpoint="bin"),
    host_memory_to_weights={
        "g4dn.xlarge": round(16 / _GIGABYTES_OF_7B, 3),
        "g4dn.2xlarge": round(32 / _GIGABYTES_OF_7B, 3),
        "g5.xlarge": round(16 / _GIGABYTES_OF_7B, 3),
    },
)

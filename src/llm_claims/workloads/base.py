"""Workloads: what is run, and never where.

A field left at ``None`` is *open*: the claim does not depend on it, and the source
fills it with its own reference configuration before anything is measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

Precision = Literal["fp32", "bf16", "fp16"]
ServingEngine = Literal["transformers", "accelerate", "deepspeed", "deepspeed-kernel-injection", "fastertransformer"]


class BaseWorkload(BaseModel):
    """What every workload shares: immutability, a stable digest, and open fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this workload in every process and on every machine.

        Open fields do not count, so a field added later leaves old digests alone.
        """
        text = json.dumps(self.model_dump(exclude_none=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy that is named after its own fields: pydantic's takes over what was cached, too."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("digest", None)
        return copied

    def filled(self, reference: Mapping[str, Any]) -> Self:
        """Return a copy whose open fields are taken from ``reference``.

        Raises
        ------
        pydantic.ValidationError
            ``reference`` names a field that this kind of workload does not have, or gives it a wrong value.
        """
        stated = self.model_dump(exclude_none=True)
        return type(self).model_validate({**reference, **stated})

    def describe(self) -> str:
        """One line for people: the fields that are not open and not at their default."""
        fields = type(self).model_fields
        parts = [
            f"{name}={value}"
            for name, value in self.model_dump(exclude_none=True).items()
            if name != "kind" and value != fields[name].default
        ]
        return f"{type(self).__name__}({', '.join(parts)})"


class Training(BaseWorkload):
    """One fine-tuning run, from the first optimizer step to the last.

    Sizes: ``context_tokens`` tokens a sample; ``samples`` samples; the global batch is
    ``ranks * micro_batch * gradient_accumulation`` samples; ``learning_rate`` is the peak,
    reached after ``warmup_steps`` optimizer steps. ``zero_stage`` 0 partitions nothing.
    ``link_mbit_per_second`` is the rate of a shaped link between the ranks, in each direction;
    ``transport`` is what carries NCCL's messages between GPUs: peer-to-peer copies, shared host memory or sockets.
    ``initial_weights`` tells whether the run starts from weights that have learned something.
    ``repetition`` tells runs apart that are alike in everything else.
    """

    kind: Literal["training"] = "training"
    model: str | None = None
    precision: Precision | None = None
    parallelism: Literal["deepspeed", "ddp", "smp"] | None = None
    zero_stage: Literal[0, 1, 3] | None = None
    ranks: PositiveInt | None = None
    rdma: bool | None = None
    link_mbit_per_second: PositiveFloat | None = None
    transport: Literal["p2p", "shm", "socket"] | None = None
    initial_weights: Literal["pretrained", "random"] | None = None
    samples: PositiveInt | None = None
    context_tokens: PositiveInt | None = None
    micro_batch: PositiveInt | None = None
    gradient_accumulation: PositiveInt | None = None
    gradient_checkpointing: bool | None = None
    learning_rate: PositiveFloat | None = None
    warmup_steps: NonNegativeInt | None = None
    initial_loss_scale: PositiveFloat | None = None
    new_token_init: Literal["random", "mean"] | None = None
    logger: Literal["hf-trainer", "keras"] | None = None
    seed: int | None = None
    repetition: PositiveInt | None = None


class Generation(BaseWorkload):
    """One request to a served model: a list of prompts, and exactly ``new_tokens`` new tokens for each.

    Sizes: ``prompts`` prompts of ``input_tokens`` tokens each. ``batch_size`` is the argument
    given to the pipeline; ``None`` says that it is not given, which is a configuration of its
    own and never filled. Sampling is at temperature 1.0 with minimum = maximum new tokens.
    ``cache`` is the kind of key-value cache: a static one has its size from the start, so that decoding can be
    compiled. ``device_memory_gib`` caps the memory that the run may take on each GPU, in GiB.
    """

    kind: Literal["generation"] = "generation"
    model: str | None = None
    precision: Precision | None = None
    engine: ServingEngine | None = None
    api: Literal["generate", "pipeline"] | None = None
    tensor_parallel_degree: PositiveInt | None = None
    input_tokens: PositiveInt | None = None
    new_tokens: PositiveInt | None = None
    prompts: PositiveInt = 1
    batch_size: PositiveInt | None = None
    cache: Literal["dynamic", "static"] | None = None
    device_memory_gib: PositiveFloat | None = None


class Loading(BaseWorkload):
    """Loading a model's weights into memory, ready to serve.

    ``model_server`` says whether a resident model server shares the host memory;
    ``low_cpu_mem_usage`` and ``device_map`` are the arguments of ``from_pretrained``.
    ``host_memory_to_weights`` caps the host memory at this multiple of the bytes of the weights.
    """

    kind: Literal["loading"] = "loading"
    model: str | None = None
    precision: Precision | None = None
    engine: ServingEngine | None = None
    low_cpu_mem_usage: bool | None = None
    device_map: Literal["auto"] | None = None
    model_server: bool | None = None
    checkpoint: Literal["bin", "safetensors"] | None = None
    host_memory_to_weights: PositiveFloat | None = None


Workload = Annotated[Training | Generation | Loading, Field(discriminator="kind")]


def seed_of(workload: Workload) -> int | None:
    """The seed that a workload states; ``None`` where each round takes another."""
    return workload.seed if isinstance(workload, Training) else None

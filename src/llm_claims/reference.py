"""The reference configuration of a source: what it fills open fields with, and what it measures in place of others."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from llm_claims.workloads import Generation, Loading, Training, Workload


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Analogues(_Model):
    """What a scaled source measures in place of what it has not; a report says so beside each verdict.

    ``rdma_mbit_per_second`` and ``no_rdma_mbit_per_second`` are the rates of the shaped link that stands for
    an interconnect with and without RDMA; ``host_memory_to_weights`` gives for each instance type the
    cap of host memory over the bytes of the weights.
    """

    rdma_mbit_per_second: PositiveFloat | None = None
    no_rdma_mbit_per_second: PositiveFloat | None = None
    host_memory_to_weights: dict[str, PositiveFloat] = {}


class Reference(_Model):
    """What fills a workload's open fields, one a kind; instances are the default places of the runs.

    ``partitioned_training`` fills training at ZeRO stage 1 and 3, and ``linked_training`` training over a
    shaped link, before ``training`` does.
    """

    training: Training = Training()
    partitioned_training: Training = Training()
    linked_training: Training = Training()
    generation: Generation = Generation()
    loading: Loading = Loading()
    training_instance: str | None = None
    generation_instance: str | None = None
    loading_instance: str | None = None
    analogues: Analogues = Field(default=Analogues())

    @model_validator(mode="after")
    def _leaves_batch_size_alone(self) -> Self:
        if self.generation.batch_size is not None:
            raise ValueError("batch_size is never filled: a request without it is a configuration of its own")
        return self

    def fields(self, workload: Workload) -> dict[str, Any]:
        """The reference fields for ``workload``; ``prompts`` has a default and is never one."""
        if isinstance(workload, Training):
            found = _stated(self.training)
            if workload.zero_stage or workload.parallelism == "deepspeed":
                found |= _stated(self.partitioned_training)
            if workload.link_mbit_per_second:
                found |= _stated(self.linked_training)
            if (workload.precision or found.get("precision")) != "fp16":
                # Only fp16 scales its losses.
                found.pop("initial_loss_scale", None)
            return found
        return _stated(self.generation if isinstance(workload, Generation) else self.loading)

    def instance(self, kind: str) -> str | None:
        """The instance type on which the reference runs of ``kind`` ran."""
        place: str | None = getattr(self, f"{kind}_instance")
        return place

    def analogue(self, workload: Workload, on: str | None) -> tuple[Workload, str | None, str]:
        """Return what stands for ``workload`` on the instance type ``on``: workload, place, and a note for people.

        What needs no analogue, or has none here, comes back as it is, with an empty note.
        """
        if isinstance(workload, Training) and workload.rdma is not None:
            return self._link(workload, on)
        if isinstance(workload, Loading) and on is not None:
            return self._memory(workload, on)
        return workload, on, ""

    def _link(self, workload: Training, on: str | None) -> tuple[Workload, str | None, str]:
        fast, slow = self.analogues.rdma_mbit_per_second, self.analogues.no_rdma_mbit_per_second
        if fast is None or slow is None:
            return workload, on, ""
        link = workload.model_copy(update={"rdma": None, "link_mbit_per_second": fast if workload.rdma else slow})
        note = f"an analogue of EFA, not EFA: a link between two network namespaces, {fast:g} or {slow:g} Mbit/s"
        return link, on, note

    def _memory(self, workload: Loading, on: str) -> tuple[Workload, str | None, str]:
        cap = self.analogues.host_memory_to_weights.get(on.removeprefix("ml."))
        if cap is None:
            return workload, on, ""
        note = (
            f"an analogue of {on}: host memory capped at {cap:g} times the weights, on the transformers installed here"
        )
        return workload.model_copy(update={"host_memory_to_weights": cap}), None, note


def _stated(workload: Workload) -> dict[str, Any]:
    return workload.model_dump(exclude_none=True, exclude={"kind", "prompts"})

"""The reference configuration of a source: what it fills open fields with, and what it measures in place of others."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from llm_claims.workloads.base import Generation, Loading, Training, Workload

_NOT_EFA = "an analogue of EFA, not EFA: NCCL between GPUs of one host"
ONE_PROCESS: dict[str, Any] = {"parallelism": "ddp", "zero_stage": 0, "ranks": 1}
"""What training in one process is."""
Transport = Literal["p2p", "shm", "socket"]
_KIND_OF = {
    "pretrained_training": "training",
    "partitioned_training": "training",
    "linked_training": "training",
    "samples_a_rank": "training",
    "other_engine_generation": "generation",
    "rdma_mbit_per_second": "training",
    "no_rdma_mbit_per_second": "training",
    "rdma_transport": "training",
    "no_rdma_transport": "training",
    "host_memory_to_weights": "loading",
    "device_memory_gib": "generation",
}
"""Which workloads a field concerns, where its name is not the kind itself."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Analogues(_Model):
    """What a scaled source measures in place of what it has not; a report says so beside each verdict.

    ``rdma_mbit_per_second`` and ``no_rdma_mbit_per_second`` are the rates of the shaped link that stands for
    an interconnect with and without RDMA, ``rdma_transport`` and ``no_rdma_transport`` the transports between GPUs
    that do; ``host_memory_to_weights`` gives for each instance type the cap of host memory over the bytes of the
    weights, ``device_memory_gib`` the memory of each of its GPUs in GiB.
    """

    rdma_mbit_per_second: PositiveFloat | None = None
    no_rdma_mbit_per_second: PositiveFloat | None = None
    rdma_transport: Transport | None = None
    no_rdma_transport: Transport | None = None
    host_memory_to_weights: dict[str, PositiveFloat] = {}
    device_memory_gib: dict[str, PositiveFloat] = {}


class Reference(_Model):
    """What fills a workload's open fields, one a kind; instances are the default places of the runs.

    Some fill before ``training`` and ``generation`` do, later ones first: ``pretrained_training`` what starts
    from weights that have learned something, ``partitioned_training`` what is at ZeRO stage 1 or 3,
    ``linked_training`` what goes over a shaped link or a stated transport; and ``other_engine_generation``
    requests to an engine other than that of ``generation``. ``samples_a_rank`` gives, by the initial weights, how many
    samples each rank has where the number of ranks is not always the same; there is no other ``samples`` then.
    """

    training: Training = Training()
    pretrained_training: Training = Training()
    partitioned_training: Training = Training()
    linked_training: Training = Training()
    samples_a_rank: dict[Literal["pretrained", "random"], PositiveInt] = {}
    generation: Generation = Generation()
    other_engine_generation: Generation = Generation()
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
            return self._of_training(workload)
        if isinstance(workload, Generation):
            found = _stated(self.generation)
            if workload.engine not in (None, self.generation.engine):
                found |= _stated(self.other_engine_generation)
            return found
        return _stated(self.loading)

    def of_kind(self, kind: str) -> dict[str, Any]:
        """What concerns workloads of one kind, named as in a recording; two references that agree in it fill alike."""
        return {
            name: value
            for name, value in {**dict(self), **dict(self.analogues)}.items()
            if _KIND_OF.get(name) == kind or name in (kind, f"{kind}_instance")
        }

    def _of_training(self, workload: Training) -> dict[str, Any]:
        found = _stated(self.training)
        if workload.initial_weights == "pretrained":
            found |= _stated(self.pretrained_training)
        if workload.zero_stage or workload.parallelism == "deepspeed":
            found |= _stated(self.partitioned_training)
        if _in_one_process(workload):
            found |= ONE_PROCESS
        if workload.link_mbit_per_second or workload.transport:
            found |= _stated(self.linked_training)
        if (workload.precision or found.get("precision")) != "fp16":
            # Only fp16 scales its losses.
            found.pop("initial_loss_scale", None)
        ranks = workload.ranks or found.get("ranks")
        if each := self.samples_a_rank.get(workload.initial_weights or found.get("initial_weights", "random")):
            found["samples"] = each * (ranks or 1)
        if ranks == 1:
            # One rank has nobody to send to.
            found.pop("transport", None)
        return found

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
        if isinstance(workload, Training) and workload.transport not in (None, "p2p"):
            # What NCCL takes of itself on one host stands for nothing else.
            return workload, on, f"{_NOT_EFA}, {workload.transport}"
        if isinstance(workload, Loading) and on is not None:
            return self._memory(workload, on)
        if isinstance(workload, Generation) and on is not None:
            return self._device_memory(workload, on)
        return workload, on, ""

    def _link(self, workload: Training, on: str | None) -> tuple[Workload, str | None, str]:
        of = self.analogues
        if of.rdma_transport and of.no_rdma_transport:
            transport = of.rdma_transport if workload.rdma else of.no_rdma_transport
            carried = workload.model_copy(update={"rdma": None, "transport": transport})
            both = f"{of.rdma_transport} or {of.no_rdma_transport}"
            note = f"{_NOT_EFA}, {both}"
            return carried, on, note
        fast, slow = of.rdma_mbit_per_second, of.no_rdma_mbit_per_second
        if fast is None or slow is None:
            return workload, on, ""
        link = workload.model_copy(update={"rdma": None, "link_mbit_per_second": fast if workload.rdma else slow})
        note = f"an analogue of EFA, not EFA: a link between two network namespaces, {fast:g} or {slow:g} Mbit/s"
        return link, on, note

    def _device_memory(self, workload: Generation, on: str) -> tuple[Workload, str | None, str]:
        gib = self.analogues.device_memory_gib.get(on.removeprefix("ml."))
        if gib is None:
            return workload, on, ""
        note = f"an analogue of {on}'s memory, not of its speed: a GPU whose allocator may take {gib:g} GiB"
        return workload.model_copy(update={"device_memory_gib": gib}), None, note

    def _memory(self, workload: Loading, on: str) -> tuple[Workload, str | None, str]:
        cap = self.analogues.host_memory_to_weights.get(on.removeprefix("ml."))
        if cap is None:
            return workload, on, ""
        note = (
            f"an analogue of {on}: host memory capped at {cap:g} times the weights, on the transformers installed here"
        )
        return workload.model_copy(update={"host_memory_to_weights": cap}), None, note


def _in_one_process(workload: Training) -> bool:
    """Whether a case states what goes with one process alone, and not how many there are."""
    alone = workload.ranks == 1 or workload.logger == "keras"
    return not workload.zero_stage and (alone or (workload.ranks is None and workload.parallelism == "ddp"))


def _stated(workload: Workload) -> dict[str, Any]:
    return workload.model_dump(exclude_none=True, exclude={"kind", "prompts"})

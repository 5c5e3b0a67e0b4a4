"""The defaults of training: a scaled configuration on a processor, the document's on GPUs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from llm_claims.workloads.base import Defaults
from llm_claims.workloads.training.workload import Training, Transport

STEPS = 2
"""Optimizer steps of a timed run on GPUs: the first pays for what comes once, and is left out."""
ONE_PROCESS: dict[str, Any] = {"parallelism": "ddp", "zero_stage": 0, "ranks": 1}
"""What training in one process is."""
_NOT_EFA = "an analogue of EFA, not EFA: NCCL between GPUs of one host"


class TrainingDefaults(Defaults[Training]):
    """Templates that fill open fields, the later ones first, and what stands for an interconnect.

    ``pretrained`` fills what starts from weights that have learned something, ``partitioned`` what is at ZeRO stage 1
    or 3, ``linked`` what goes over a shaped link or a stated transport. ``samples_a_rank`` gives, by the initial
    weights, how many samples each rank has where the number of ranks varies; no template states ``samples`` then.

    ``rdma_mbit_per_second`` and ``no_rdma_mbit_per_second`` are the rates of the shaped link that stands for an
    interconnect with and without RDMA, ``rdma_transport`` and ``no_rdma_transport`` the transports
    between GPUs that do.
    """

    version_1: ClassVar = {
        "pretrained_training": "pretrained",
        "partitioned_training": "partitioned",
        "linked_training": "linked",
        **{name: name for name in ("samples_a_rank", "rdma_mbit_per_second", "no_rdma_mbit_per_second")},
        **{name: name for name in ("rdma_transport", "no_rdma_transport")},
    }

    fields: Training = Training()
    pretrained: Training = Training()
    partitioned: Training = Training()
    linked: Training = Training()
    samples_a_rank: dict[Literal["pretrained", "random"], PositiveInt] = Field(default={})
    rdma_mbit_per_second: PositiveFloat | None = None
    no_rdma_mbit_per_second: PositiveFloat | None = None
    rdma_transport: Transport | None = None
    no_rdma_transport: Transport | None = None

    def fields_for(self, workload: Training) -> dict[str, Any]:
        """Join the templates that concern this workload."""
        found = self.fields.stated()
        if workload.initial_weights == "pretrained":
            found |= self.pretrained.stated()
        if workload.zero_stage or workload.parallelism == "deepspeed":
            found |= self.partitioned.stated()
        if _in_one_process(workload):
            found |= ONE_PROCESS
        if workload.link_mbit_per_second or workload.transport:
            found |= self.linked.stated()
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

    def analogue(self, workload: Training, on: str | None) -> tuple[Training, str | None, str]:
        """Put a transport or a shaped link in place of an interconnect with or without RDMA."""
        if workload.rdma is None:
            # What NCCL takes of itself on one host stands for nothing else.
            note = f"{_NOT_EFA}, {workload.transport}" if workload.transport not in (None, "p2p") else ""
            return workload, on, note
        if self.rdma_transport and self.no_rdma_transport:
            transport = self.rdma_transport if workload.rdma else self.no_rdma_transport
            note = f"{_NOT_EFA}, {self.rdma_transport} or {self.no_rdma_transport}"
            return workload.model_copy(update={"rdma": None, "transport": transport}), on, note
        fast, slow = self.rdma_mbit_per_second, self.no_rdma_mbit_per_second
        if fast is None or slow is None:
            return workload, on, ""
        link = workload.model_copy(update={"rdma": None, "link_mbit_per_second": fast if workload.rdma else slow})
        note = f"an analogue of EFA, not EFA: a link between two network namespaces, {fast:g} or {slow:g} Mbit/s"
        return link, on, note


def _in_one_process(workload: Training) -> bool:
    """Whether a case states what goes with one process alone, and not how many there are."""
    alone = workload.ranks == 1 or workload.logger == "keras"
    return not workload.zero_stage and (alone or (workload.ranks is None and workload.parallelism == "ddp"))


CPU = TrainingDefaults(
    fields=Training(
        model="llama-tiny",
        precision="fp32",
        parallelism="ddp",
        zero_stage=0,
        ranks=1,
        # 71 micro-batches, the last one smaller, in steps of two: a rest is left over, as in the document.
        samples=283,
        context_tokens=32,
        micro_batch=4,
        gradient_accumulation=2,
        gradient_checkpointing=False,
        # The rate with the lowest train_loss of those a decade apart.
        learning_rate=1e-2,
        # As large a part of the steps as in the document: 100 of 147.
        warmup_steps=24,
        # The default of torch.amp.GradScaler and of DeepSpeed.
        initial_loss_scale=2.0**16,
        new_token_init="random",
        initial_weights="pretrained",
        logger="hf-trainer",
    ),
    partitioned=Training(
        parallelism="deepspeed",
        zero_stage=1,
        ranks=2,
        samples=125,
        context_tokens=16,
        gradient_checkpointing=True,
        warmup_steps=5,
    ),
    linked=Training(samples=61, warmup_steps=2),
    # p4d.24xlarge has 400 Gbit/s of EFA on four cards, and plain TCP uses one of them: 4 to 1. The slower rate
    # is one at which sending what a step sends takes longer than computing it.
    rdma_mbit_per_second=32,
    no_rdma_mbit_per_second=8,
)


def gpu_defaults(devices: int) -> TrainingDefaults:
    """Return the defaults for a number of GPUs: the document's configuration, with as many ranks."""
    accumulation = 4
    return TrainingDefaults(
        fields=Training(
            model="llama-7b",
            precision="bf16",
            parallelism="deepspeed",
            zero_stage=1,
            ranks=devices,
            context_tokens=1536,
            micro_batch=1,
            gradient_accumulation=accumulation,
            gradient_checkpointing=True,
            learning_rate=1e-5,
            warmup_steps=1,
            # Sixteen times below the default: a step that overflows is skipped, and is shorter than one that is not.
            initial_loss_scale=2.0**12,
            new_token_init="random",
            initial_weights="random",
            # What NCCL takes of itself where GPUs of one host reach each other's memory.
            transport="p2p",
            logger="hf-trainer",
        ),
        pretrained=Training(
            model="llama-85m",
            # As the document trains, where that can be: DeepSpeed scales losses in its own way.
            **(ONE_PROCESS if devices == 1 else {}),
            context_tokens=64,
            micro_batch=4,
            gradient_accumulation=2,
            gradient_checkpointing=False,
            learning_rate=1e-3,
            warmup_steps=24,
            initial_loss_scale=2.0**16,
        ),
        partitioned=Training(parallelism="deepspeed", zero_stage=1, ranks=devices),
        # As many steps, however many ranks share them.
        samples_a_rank={"random": STEPS * accumulation, "pretrained": 283},
        # GPUDirect RDMA writes to a peer's memory without a stop in the host's, as peer-to-peer copies do;
        # without it messages go through the host and its TCP stack.
        rdma_transport="p2p",
        no_rdma_transport="socket",
    )

"""The defaults of training: a scaled configuration on a processor, the document's on GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, PrivateAttr

from llm_claims.errors import UsageError
from llm_claims.workloads.base import Defaults
from llm_claims.workloads.llm.checkpoint import SMOLLM2
from llm_claims.workloads.llm.shapes import LARGE
from llm_claims.workloads.training.workload import Training, Transport

STEPS = 2
"""Optimizer steps of a timed run on GPUs. The first is not timed, since it includes one-time costs."""
ONE_PROCESS: dict[str, Any] = {"parallelism": "ddp", "zero_stage": 0, "ranks": 1}
"""The fields of training in one process."""
_NOT_EFA = "an analogue of EFA, not EFA: NCCL between GPUs of one host"


class TrainingDefaults(Defaults[Training]):
    """Templates that fill open fields, and analogues of an interconnect.

    ``fields`` is for all workloads, ``pretrained`` for those that start from trained weights, ``partitioned`` for those
    under DeepSpeed, ``linked`` for those with a shaped link or a stated transport, ``real`` for those that start from a
    checkpoint, ``large`` for pretrained models of the document's scale and checkpoints of unknown size. Later ones of
    this list take precedence. ``samples_a_rank`` is the number of samples of each rank, by the initial weights, if the
    total depends on the number of ranks; the templates of the runs that it is for state no ``samples`` then.
    ``weights`` are the digests of the checkpoints that pretrained models start from, by model.

    ``batch`` is how many samples a step of a ``real`` or ``large`` run takes, all ranks together, and ``steps`` how
    many steps there are; the ``micro_batch`` of these two templates is an upper limit then. Older recordings have
    neither, and their templates state all three numbers.

    ``rdma_mbit_per_second`` and ``no_rdma_mbit_per_second`` are the rates of the shaped links that are the analogues of
    an interconnect with and without RDMA; ``rdma_transport`` and ``no_rdma_transport`` are the analogues between GPUs.
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
    real: Training = Training()
    large: Training = Training()
    batch: PositiveInt | None = None
    steps: PositiveInt | None = None
    weights: dict[str, str] = Field(default={})
    samples_a_rank: dict[Literal["pretrained", "random"], PositiveInt] = Field(default={})
    rdma_mbit_per_second: PositiveFloat | None = None
    no_rdma_mbit_per_second: PositiveFloat | None = None
    rdma_transport: Transport | None = None
    no_rdma_transport: Transport | None = None
    # Of this machine at this time, so recordings have none of it.
    _damaged: dict[str, str] = PrivateAttr(default={})

    def refusing(self, damaged: Mapping[str, str]) -> Self:
        """Return defaults that refuse to fill what starts from ``damaged`` checkpoints: by model, what is wrong."""
        copied = self.model_copy()
        copied._damaged = dict(damaged)
        return copied

    def fields_for(self, workload: Training) -> dict[str, Any]:
        """Merge the templates that apply to this workload.

        Raises
        ------
        UsageError
            It would start from a damaged checkpoint.
        """
        found = self.fields.stated()
        if workload.initial_weights == "pretrained":
            found |= self.pretrained.stated()
        if workload.zero_stage or workload.parallelism == "deepspeed":
            found |= self.partitioned.stated()
        if _in_one_process(workload):
            found |= ONE_PROCESS
        if workload.link_mbit_per_second or workload.transport:
            found |= self.linked.stated()
        if (workload.precision or found.get("precision")) != "fp16" or workload.precision_by == "trainer":
            # Losses are scaled only in fp16, and the Trainer's own scaler starts as it likes.
            found.pop("initial_loss_scale", None)
        ranks = workload.ranks or found.get("ranks")
        if each := self.samples_a_rank.get(workload.initial_weights or found.get("initial_weights", "random")):
            found["samples"] = each * (ranks or 1)
        if (workload.initial_weights or found.get("initial_weights")) == "pretrained":
            found |= self._of_weights(workload, workload.model or found.get("model", ""), ranks or 1)
        if ranks == 1:
            # One rank sends no messages.
            found.pop("transport", None)
        return found

    def _of_weights(self, workload: Training, model: str, ranks: int) -> dict[str, Any]:
        """Return the fields that the checkpoint of a pretrained ``model`` decides; a stand-in has none."""
        if fault := self._damaged.get(model):
            raise UsageError(fault)
        digest = self.weights.get(model)
        found = {**self.real.stated(), "weights": digest} if digest else {}
        # Nobody knows how much memory another checkpoint takes. Recordings without a batch had no such rule.
        if model in LARGE or (digest and model != SMOLLM2 and self.batch):
            found |= self.large.stated()
        return found | self._shares(workload, found, ranks) if found else found

    def _shares(self, workload: Training, found: Mapping[str, Any], ranks: int) -> dict[str, int]:
        """Share a step's batch among ranks, in micro-batches as large as can be, and count the samples of all steps."""
        if self.batch is None or self.steps is None:
            return {}
        share = max(1, round(self.batch / ranks))
        stated = workload.gradient_accumulation
        most = min(found.get("micro_batch", 1), max(1, share // (stated or 1)))
        micro_batch = workload.micro_batch or max(size for size in range(1, most + 1) if share % size == 0)
        accumulation = stated or max(1, round(share / micro_batch))
        samples = self.steps * ranks * micro_batch * accumulation
        return {"micro_batch": micro_batch, "gradient_accumulation": accumulation, "samples": samples}

    def analogue(self, workload: Training, on: str | None) -> tuple[Training, str | None, str]:
        """Replace an interconnect with or without RDMA by a transport between GPUs, or by a shaped link.

        A workload that states a transport and nothing of RDMA is kept, with a note if it is not NCCL's own choice.
        """
        if workload.rdma is None:
            # p2p is NCCL's own choice on one host, and no analogue of anything.
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
    """Whether a workload runs in one process: its stated fields allow no more, or it states none that needs more."""
    alone = workload.ranks == 1 or workload.logger == "keras"
    return not workload.zero_stage and (alone or (workload.ranks is None and workload.parallelism == "ddp"))


CPU = TrainingDefaults(
    fields=Training(
        model="llama-tiny",
        precision="fp32",
        parallelism="ddp",
        zero_stage=0,
        ranks=1,
        # 71 micro-batches in steps of two: samples do not divide into steps, as in the document.
        samples=283,
        context_tokens=32,
        micro_batch=4,
        gradient_accumulation=2,
        gradient_checkpointing=False,
        # Of rates that differ by factors of ten, the one with the lowest train_loss.
        learning_rate=1e-2,
        # The same fraction of the steps as in the document: 100 of 147.
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
    # A checkpoint that was trained for weeks takes a lower rate than a stand-in: the document's.
    real=Training(learning_rate=1e-5),
    # p4d.24xlarge has 400 Gbit/s of EFA on four cards, and plain TCP uses one of them: 4 to 1. At the slower
    # rate, a step spends longer sending than computing.
    rdma_mbit_per_second=32,
    no_rdma_mbit_per_second=8,
)


_TAUGHT: dict[str, Any] = {
    "model": "llama-85m",
    "context_tokens": 64,
    "micro_batch": 4,
    "gradient_accumulation": 2,
    "learning_rate": 1e-3,
    "warmup_steps": 24,
}
_RECIPE_BATCH = 64
# That of the last epoch's rest is left out, since ranks share samples evenly.
_RECIPE_STEPS = 147
# The document's recipe for losses, section A: 1,536 tokens a sample, and 100 steps of 147 for warming up.
_RECIPE: dict[str, Any] = {"context_tokens": 1536, "learning_rate": 1e-5, "warmup_steps": 100}
# What it takes of a GPU without checkpoints of activations. On two H100, DeepSpeed in bf16 held 35.0 GB for 16 samples
# and 67.3 GB for 32: 2.7 GB and 2.02 GB a sample. One process with autocast keeps about 14% more a sample.
_FIXED_BYTES = 3e9
_BYTES_A_SAMPLE = 2.3e9
_USABLE = 0.95


def _most_samples(memory_bytes: float) -> int:
    """The most samples of the small real model that one GPU holds at a time."""
    return max(1, int((_USABLE * memory_bytes - _FIXED_BYTES) / _BYTES_A_SAMPLE))


def gpu_defaults(
    devices: int,
    weights: Mapping[str, str] | None = None,
    memory_bytes: float = 80 * 2**30,
    damaged: Mapping[str, str] | None = None,
) -> TrainingDefaults:
    """Return the defaults for a number of GPUs: the document's configuration, with as many ranks.

    ``weights`` are the digests of the checkpoints of this machine, by model. Losses are those of a small real model
    where there is one, trained by the document's whole recipe in the largest micro-batches that the ``memory_bytes``
    of one GPU hold, since stage 3 gathers all weights for each; else of a stand-in that is taught in a minute. A
    checkpoint of another size has the recipe one sample at a time. A ``damaged`` one is refused, and never replaced by
    the stand-in.
    """
    accumulation = 4
    weights, damaged = dict(weights or {}), dict(damaged or {})
    return TrainingDefaults(
        weights=weights,
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
            # A sixteenth of the default, so that no step overflows: an overflow skips the step, which is then shorter.
            initial_loss_scale=2.0**12,
            new_token_init="random",
            initial_weights="random",
            # What NCCL chooses if GPUs of one host can access each other's memory.
            transport="p2p",
            logger="hf-trainer",
        ),
        pretrained=Training(
            # Without DeepSpeed if possible, as in the document: DeepSpeed scales losses differently.
            **(ONE_PROCESS if devices == 1 else {}),
            **_TAUGHT | ({"model": SMOLLM2} if SMOLLM2 in weights | damaged else {}),
            # Saves memory that small models do not need, and changes no number.
            gradient_checkpointing=False,
            initial_loss_scale=2.0**16,
        ),
        partitioned=Training(parallelism="deepspeed", zero_stage=1, ranks=devices),
        real=Training(**_RECIPE, micro_batch=_most_samples(memory_bytes)),
        # As its speed is measured, which fits; the batch and the steps are the recipe's.
        large=Training(**_RECIPE, micro_batch=1, gradient_checkpointing=True),
        batch=_RECIPE_BATCH,
        steps=_RECIPE_STEPS,
        # The number of steps is the same for any number of ranks.
        samples_a_rank={"random": STEPS * accumulation, "pretrained": 283},
        # GPUDirect RDMA writes directly to a peer's memory, as peer-to-peer copies do; without RDMA messages go
        # through the host's memory and its TCP stack.
        rdma_transport="p2p",
        no_rdma_transport="socket",
    ).refusing(damaged)

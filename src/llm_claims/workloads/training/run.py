"""A training workload with all fields that the program needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from llm_claims.workloads.llm.checkpoint import SMOLLM2
from llm_claims.workloads.llm.precision import Precision
from llm_claims.workloads.llm.shapes import LARGE, SHAPES
from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.training.base_model import MODELS
from llm_claims.workloads.training.cluster import Cluster
from llm_claims.workloads.training.workload import Training


class TrainingRun(BaseModel):
    """The fields of `Training` that one run needs; see there for sizes and units."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str
    precision: Precision
    parallelism: Literal["deepspeed", "ddp"]
    zero_stage: Literal[0, 1, 2, 3]
    ranks: PositiveInt
    samples: PositiveInt
    context_tokens: PositiveInt
    micro_batch: PositiveInt
    gradient_accumulation: PositiveInt
    gradient_checkpointing: bool
    learning_rate: PositiveFloat
    warmup_steps: NonNegativeInt
    new_token_init: Literal["random", "mean"]
    initial_weights: Literal["pretrained", "random"]
    logger: Literal["hf-trainer", "keras"]
    seed: int
    seed_is_stated: bool = False
    weights: str | None = None
    precision_by: Literal["program", "trainer"] = "program"
    grad_accum_dtype: Precision | None = None
    initial_loss_scale: PositiveFloat | None = None
    link_mbit_per_second: PositiveFloat | None = None
    transport: Literal["p2p", "shm", "socket"] | None = None

    @classmethod
    def of(cls, workload: Training, seed: int) -> Self:
        """Return the run of a workload; ``seed`` is used if the workload states none.

        Raises
        ------
        UnsupportedWorkload
            The workload states something that the program cannot run, or leaves a required field open.
        """
        try:
            stated = {"seed_is_stated": workload.seed is not None}
            run = cls.model_validate({"seed": seed, **stated, **workload.model_dump(exclude_none=True)})
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise UnsupportedWorkload(f"cannot run {workload.describe()}: {'; '.join(faults)}") from None
        run._check(workload)
        return run

    def _check(self, workload: Training) -> None:
        reasons = (
            self._reasons_of_the_model(),
            self._reasons_of_precisions(workload),
            self._reasons_of_the_ranks(workload),
        )
        for reason in chain(*reasons):
            raise UnsupportedWorkload(reason)

    def _reasons_of_the_model(self) -> Iterator[str]:
        if self.weights is not None:
            if self.initial_weights == "random":
                yield "weights of a checkpoint are pretrained, and initial_weights='random' are not"
            if self.logger == "keras":
                yield "logger='keras' trains a small model of its own, and no checkpoint"
        elif self.model == SMOLLM2:
            yield f"{SMOLLM2} is not on this machine: make weights"
        elif self.model not in MODELS:
            yield f"no model {self.model!r}; choose from {', '.join(MODELS)}, or give a checkpoint: --weights"
        elif (self.model in LARGE) != (self.initial_weights == "random"):
            yield f"{self.model} has no {self.initial_weights} weights here; a checkpoint has: --weights {self.model}=…"
        elif self.context_tokens > (positions := SHAPES[self.model]["max_position_embeddings"]):
            yield f"{self.context_tokens} tokens exceed the model's {positions} positions"

    def _reasons_of_precisions(self, workload: Training) -> Iterator[str]:
        if self.precision_by == "trainer":
            if self.initial_loss_scale is not None:
                yield "with precision_by='trainer' the Trainer chooses its initial loss scale"
        elif self.precision == "fp16" and self.initial_loss_scale is None:
            yield "fp16 needs an initial_loss_scale"
        if workload.precision_by == "program" and (self.precision != "fp16" or self.parallelism == "deepspeed"):
            yield "precision_by='program' is for fp16 without DeepSpeed: all else is up to the Trainer anyway"
        if self.grad_accum_dtype is None:
            return
        if self.parallelism != "deepspeed":
            yield f"only DeepSpeed can be asked for a grad_accum_dtype, not parallelism={self.parallelism!r}"
        elif self.gradient_accumulation == 1:
            yield "with gradient_accumulation=1 no gradients are added up, so grad_accum_dtype says nothing"
        elif self.zero_stage == 0 and self.grad_accum_dtype != self.precision:
            yield f"without ZeRO, DeepSpeed adds up gradients in the precision of the weights, {self.precision}"

    def _reasons_of_the_ranks(self, workload: Training) -> Iterator[str]:
        if workload.rdma is not None and Cluster.here().nodes == 1:
            yield "ranks on one machine have no RDMA to switch on or off"
        if self.zero_stage > 0 and self.parallelism != "deepspeed":
            yield f"zero_stage={self.zero_stage} cannot be combined with parallelism={self.parallelism!r}"
        if self.zero_stage > 0 and self.ranks == 1:
            yield f"zero_stage={self.zero_stage} partitions state over ranks: it needs at least two, not one"
        elif self.parallelism == "deepspeed" and self.ranks == 1:
            yield "parallelism='deepspeed' is run with two ranks at least, not one"
        if self.link_mbit_per_second is not None and self.ranks != 2:
            yield f"a link connects two ranks, not {self.ranks}"
        if self.transport is not None and self.ranks == 1:
            yield "a transport connects ranks: it needs at least two, not one"
        if self.logger == "keras" and (self.ranks > 1 or self.gradient_checkpointing or self.precision == "fp16"):
            yield "logger='keras' supports only one rank, without gradient checkpointing and without fp16"

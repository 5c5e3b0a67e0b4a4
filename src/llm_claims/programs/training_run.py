"""A training workload with nothing left open: what a program needs to know before it starts."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, ValidationError

from llm_claims.workloads import Precision, Training


class UnsupportedWorkload(ValueError):
    """A workload that a program does not run; the text says why."""


class TrainingRun(BaseModel):
    """The fields of `Training` that one run needs; see there for sizes and units."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str
    precision: Precision
    parallelism: Literal["deepspeed", "ddp"]
    zero_stage: Literal[0, 1, 3]
    ranks: PositiveInt
    samples: PositiveInt
    context_tokens: PositiveInt
    micro_batch: PositiveInt
    gradient_accumulation: PositiveInt
    gradient_checkpointing: bool
    learning_rate: PositiveFloat
    warmup_steps: int
    new_token_init: Literal["random", "mean"]
    logger: Literal["hf-trainer", "keras"]
    seed: int
    initial_loss_scale: PositiveFloat | None = None
    link_mbit_per_second: PositiveFloat | None = None

    @classmethod
    def of(cls, workload: Training, seed: int) -> Self:
        """Return the run of a workload; ``seed`` counts where the workload states none.

        Raises
        ------
        UnsupportedWorkload
            It asks for what no program here runs, or leaves open what a run must know.
        """
        try:
            run = cls.model_validate({"seed": seed, **workload.model_dump(exclude_none=True)})
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise UnsupportedWorkload(f"no run of {workload.describe()}: {'; '.join(faults)}") from None
        run._check(workload)
        return run

    def _check(self, workload: Training) -> None:
        if workload.rdma is not None:
            raise UnsupportedWorkload("ranks on one machine have no RDMA to switch on or off")
        if self.precision == "fp16" and self.initial_loss_scale is None:
            raise UnsupportedWorkload("fp16 needs an initial_loss_scale")
        if (self.parallelism == "deepspeed") != (self.zero_stage > 0):
            raise UnsupportedWorkload(f"zero_stage={self.zero_stage} does not go with {self.parallelism}")
        if self.link_mbit_per_second is not None and self.ranks != 2:
            raise UnsupportedWorkload(f"a link joins two ranks, not {self.ranks}")
        if self.logger == "keras" and (self.ranks > 1 or self.gradient_checkpointing or self.precision == "fp16"):
            raise UnsupportedWorkload("Keras runs in one process, without checkpointing and without loss scaling")

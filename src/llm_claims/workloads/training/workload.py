"""Training: fine-tuning runs, with their metrics and their witness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from llm_claims.errors import UsageError
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.llm.precision import DTYPES, Precision
from llm_claims.workloads.llm.shapes import LARGE
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.shown import Ceiling, Scaling
from llm_claims.workloads.witness import Witness

Transport = Literal["p2p", "shm", "socket"]


class TrainingWitness(Witness):
    """What was observed of a training run.

    ``forward_dtypes`` are the dtypes of matrix products. ``micro_batch`` and ``context_tokens`` are the shape that the
    forward received, ``gradient_accumulation`` counts forwards per optimizer step, ``gradient_checkpointing`` says
    whether layers ran twice per step. ``zero_stage`` follows from the sizes of each rank's partitions,
    ``learning_rate`` and ``warmup_steps`` from the learning rates of all steps, corrected for skipped ones, and
    ``new_token_init`` from the new rows of the embeddings before the first step. ``initial_weights`` are "random" if
    all weights of norms have their initial value. ``deterministic`` says whether PyTorch used only deterministic
    kernels, which double the time of a step at 7B. ``link_mbit_per_second`` is the rate limit that the kernel reports
    for the link; ``transport`` is what NCCL's log, or else the backend, says about how messages were carried.
    ``weights`` is the digest of the checkpoint that was loaded, ``text`` that of the tokens that samples were drawn
    from; a stand-in that was taught here has neither. ``asked_precision`` is what the Trainer says it was asked for,
    ``precision_by`` "program" if losses were scaled by the program's own scaler. ``grad_accum_dtype`` is that of the
    tensor in which gradients of micro-batches add up.
    """

    deterministic: bool | None = None
    model: str | None = None
    parameters: PositiveInt | None = None
    forward_dtypes: tuple[str, ...] | None = None
    asked_precision: str | None = None
    precision_by: str | None = None
    grad_accum_dtype: str | None = None
    logger: str | None = None
    parallelism: str | None = None
    zero_stage: int | None = None
    ranks: PositiveInt | None = None
    samples: PositiveInt | None = None
    context_tokens: PositiveInt | None = None
    micro_batch: PositiveInt | None = None
    gradient_accumulation: PositiveInt | None = None
    gradient_checkpointing: bool | None = None
    learning_rate: PositiveFloat | None = None
    warmup_steps: NonNegativeInt | None = None
    initial_loss_scale: PositiveFloat | None = None
    new_token_init: str | None = None
    initial_weights: str | None = None
    weights: str | None = None
    text: str | None = None
    transport: str | None = None
    rdma: bool | None = None
    link_mbit_per_second: PositiveFloat | None = None


class Training(Workload):
    """One fine-tuning run, from the first optimizer step to the last.

    Sizes: ``context_tokens`` tokens a sample; ``samples`` samples; the global batch is
    ``ranks * micro_batch * gradient_accumulation`` samples; ``learning_rate`` is the peak,
    reached after ``warmup_steps`` optimizer steps. ``zero_stage`` 0 partitions nothing.
    ``link_mbit_per_second`` is the rate of a shaped link between the ranks, in each direction;
    ``transport`` is what carries NCCL's messages between GPUs: peer-to-peer copies, shared host memory or sockets.
    ``precision_by`` says who sees to the precision. Unless stated it is the program, and a run with products of another
    precision is refused. With "trainer" the Trainer is left as it is: ``precision`` is what it is asked for, and what
    it made of that is the metric ``forward_bits``. ``grad_accum_dtype`` is what DeepSpeed is asked to add up gradients
    of micro-batches in; open, it chooses. What is left of that when the optimizer steps is ``gradient_bits``.
    ``initial_weights`` says whether the run starts from pretrained weights; ``weights`` is the digest of the checkpoint
    that these are, and open where a stand-in is taught here.
    ``repetition`` distinguishes runs that are equal in all other fields.
    """

    Witness = TrainingWitness
    unwitnessed = frozenset({"seed", "repetition"})
    takes_weights = True
    must_state = (
        *("model", "precision", "ranks", "samples", "micro_batch", "gradient_accumulation"),
        *("learning_rate", "warmup_steps"),
    )
    program = (sys.executable, "-m", "llm_claims.workloads.training.program")
    metrics: ClassVar = {
        "train_loss": Metric(unit="nats", nature="seeded"),
        # The Trainer evaluates only if it is asked to.
        "eval_loss": Metric(unit="nats", nature="seeded", optional=True),
        "last_logged_loss": Metric(unit="nats", nature="seeded"),
        "highest_step_loss": Metric(unit="nats", nature="seeded"),
        "last_logged_learning_rate": Metric(unit="1", nature="seeded"),
        "skipped_optimizer_steps": Metric(unit="steps", nature="seeded"),
        "step_losses": Metric(unit="nats", several=True),
        "logged_losses": Metric(unit="nats", several=True),
        # of the narrowest matrix product; where gradients of several micro-batches were added up, of the tensor in
        # which they were, and of the narrowest dtype that holds what is left of them when the optimizer steps
        "forward_bits": Metric(unit="bits", optional=True),
        "sum_bits": Metric(unit="bits", optional=True),
        "gradient_bits": Metric(unit="bits", optional=True),
        # of each step: the scale of its losses, and the share of the weights whose copy in low precision it changed
        "loss_scales": Metric(unit="1", several=True, optional=True),
        "changed_weights": Metric(unit="share", several=True, optional=True),
        # before clipping, of every tenth step
        "logged_gradient_norms": Metric(unit="1", several=True, optional=True),
        "logging_steps": Metric(unit="steps"),
        "optimizer_steps": Metric(unit="steps"),
        "global_batch_samples": Metric(unit="samples"),
        "last_epoch": Metric(unit="epochs"),
        "last_logged_epoch": Metric(unit="epochs"),
        "last_logged_step": Metric(unit="steps"),
        "train_runtime_seconds": Metric(unit="s", nature="timed"),
        "train_samples_per_second": Metric(unit="samples/s", nature="timed"),
        "train_steps_per_second": Metric(unit="steps/s", nature="timed"),
        "recent_step_seconds": Metric(unit="s/step", nature="timed"),
        "elapsed_seconds": Metric(unit="s", nature="timed"),
        "step_seconds": Metric(unit="s/step", nature="timed", quotient_of=("train_runtime_seconds", "optimizer_steps")),
        # A document may print a speedup without the times behind it.
        "rdma_speedup": Metric(unit="ratio"),
        "link_bytes": Metric(unit="bytes", nature="noisy"),
        # relative to the device's own limit
        "matrix_flops_per_second": Metric(unit="flop/s", nature="timed"),
        "model_flops_utilisation": Metric(unit="share", nature="timed"),
        "peak_device_memory_bytes": Metric(unit="bytes", nature="noisy"),
        # of one extra, profiled step; the profiler may see nothing
        "watched_step_seconds": Metric(unit="s/step", nature="timed", optional=True),
        "compute_share": Metric(unit="share", nature="timed", optional=True),
        "communication_share": Metric(unit="share", nature="timed", optional=True),
        "exposed_communication_share": Metric(unit="share", nature="timed", optional=True),
    }

    ceilings = (
        Ceiling(
            share="model_flops_utilisation",
            of="matrix_flops_per_second",
            words="training reaches",
            scale=1e12,
            unit="Tflop/s of matrix products",
        ),
    )
    scalings = (
        Scaling(
            title="training by number of ranks",
            field="ranks",
            follow=("samples",),
            row=lambda run: _row(run),
            # Present only in runs of large models; small ones mostly measure the host.
            needed="model_flops_utilisation",
            cells=(
                ("step_seconds", "{:.3g} s/step"),
                ("model_flops_utilisation", "{:.0%} MFU"),
                ("communication_share", "{:.0%} communication"),
                ("compute_share", "{:.0%} computing"),
            ),
        ),
    )

    model: str | None = None
    precision: Precision | None = None
    precision_by: Literal["program", "trainer"] | None = None
    grad_accum_dtype: Precision | None = None
    parallelism: Literal["deepspeed", "ddp", "smp"] | None = None
    zero_stage: Literal[0, 1, 2, 3] | None = None
    ranks: PositiveInt | None = None
    rdma: bool | None = None
    link_mbit_per_second: PositiveFloat | None = None
    transport: Transport | None = None
    initial_weights: Literal["pretrained", "random"] | None = None
    weights: str | None = None
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

    def expected(self) -> Iterator[tuple[str, object]]:
        """Yield what the witness must show; the precision is that of the matrix products, or what was asked for."""
        for name, value in super().expected():
            if name != "precision":
                yield name, value
            elif self.precision_by == "trainer":
                yield "asked_precision", value
            else:
                yield "forward_dtypes", (DTYPES[str(value)],)

    @property
    def fixed_seed(self) -> int | None:
        """The seed, if it is stated."""
        return self.seed

    @property
    def starts_from_a_stand_in(self) -> bool:
        """Whether it starts from pretrained weights, and not from a checkpoint of a model of the document's scale."""
        return self.initial_weights == "pretrained" and not (self.weights and self.model in LARGE)

    def check(self, hardware: Hardware) -> None:
        """Raise `Untestable` if this hardware cannot train the workload."""
        from llm_claims.workloads.training.checks import check

        check(self, hardware)

    def check_timed(self, hardware: Hardware) -> None:
        """Raise `Untestable` if the ranks would have to share the processor's cores."""
        from llm_claims.workloads.training.checks import check_timed

        check_timed(self, hardware)

    @classmethod
    def defaults_on(cls, hardware: Hardware) -> Defaults[Training] | None:
        """Return a scaled-down configuration on a processor, the document's with a rank for each GPU, else ``None``."""
        from llm_claims.workloads.llm.smollm2 import sound_digest
        from llm_claims.workloads.training.defaults import CPU, gpu_defaults

        devices = hardware.devices
        weights, damaged = {}, {}
        for name, folder in hardware.weights.items():
            try:
                weights[name] = sound_digest(name, folder)
            except UsageError as error:
                damaged[name] = str(error)
        if devices is not None:
            return gpu_defaults(devices.count, weights, devices.memory_mib * 2**20, damaged)
        return CPU.model_copy(update={"weights": weights}).refusing(damaged) if hardware.name == "cpu" else None

    @classmethod
    def defaults_type(cls) -> type[Defaults[Training]]:
        """The class with several templates, and analogues of an interconnect."""
        from llm_claims.workloads.training.defaults import TrainingDefaults

        return TrainingDefaults


def _row(run: Training) -> str:
    stage = f"ZeRO-{run.zero_stage}" if run.zero_stage else "no ZeRO"
    return " ".join(filter(None, (run.model, stage, run.precision, run.transport)))

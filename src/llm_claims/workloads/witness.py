"""The witness: what a run itself observed about its configuration."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, PositiveInt

from llm_claims.workloads.base import Generation, Loading, Training, Workload

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class Witness(BaseModel):
    """Observations of a run; ``None`` says that the run did not look.

    ``forward_dtypes`` are those of the matrix products, ``weight_dtypes`` those of the weights loaded;
    ``input_tokens`` and ``new_tokens`` have one entry a sequence, shape (prompts,);
    ``forward_batch_sizes`` are the distinct batch sizes that the model's forward received, ascending.

    Of training: ``micro_batch`` and ``context_tokens`` are the shape that the forward received,
    ``gradient_accumulation`` counts forwards an optimizer step, ``gradient_checkpointing`` tells whether
    layers ran twice a step, ``zero_stage`` follows from the sizes of each rank's partitions,
    ``learning_rate`` and ``warmup_steps`` from the rates that the optimizer had (or would
    have had, had the loss scale not skipped steps), ``new_token_init`` from
    the new rows of the embeddings before the first step.

    ``initial_weights`` are "random" where no weight of a norm has moved from where all begin.

    Of any run: ``deterministic`` tells whether PyTorch was held to deterministic kernels, which double a step at 7B.

    Of a link: ``link_mbit_per_second`` is the rate that the kernel has in force; ``transport`` is what the
    library between the ranks says carries its messages.

    Of a request: ``cache`` is the kind of key-value cache that the forward was given; ``calls`` is how often
    it was made, where its latency is the least of several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str | None = None
    threads: PositiveInt | None = None
    deterministic: bool | None = None
    engine: str | None = None
    api: str | None = None
    model: str | None = None
    parameters: PositiveInt | None = None
    forward_dtypes: tuple[str, ...] | None = None
    input_tokens: tuple[NonNegativeInt, ...] | None = None
    new_tokens: tuple[NonNegativeInt, ...] | None = None
    forward_batch_sizes: tuple[PositiveInt, ...] | None = None
    tensor_parallel_degree: PositiveInt | None = None
    cache: str | None = None
    calls: PositiveInt | None = None
    device_memory_gib: PositiveFloat | None = None
    # training
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
    transport: str | None = None
    rdma: bool | None = None
    link_mbit_per_second: PositiveFloat | None = None
    # loading
    weight_dtypes: tuple[str, ...] | None = None
    checkpoint: str | None = None
    low_cpu_mem_usage: bool | None = None
    device_map: str | None = None
    model_server: bool | None = None
    host_memory_to_weights: PositiveFloat | None = None


OF_TRAINING = (
    "logger",
    "parallelism",
    "zero_stage",
    "ranks",
    "samples",
    "context_tokens",
    "micro_batch",
    "gradient_accumulation",
    "gradient_checkpointing",
    "learning_rate",
    "warmup_steps",
    "initial_loss_scale",
    "new_token_init",
    "initial_weights",
    "transport",
    "rdma",
    "link_mbit_per_second",
)
OF_LOADING = ("engine", "checkpoint", "low_cpu_mem_usage", "device_map", "model_server", "host_memory_to_weights")


def _expected(workload: Workload) -> Iterator[tuple[str, object]]:
    """Each observation that a completed run of ``workload`` owes, with the value it must have."""
    if workload.model is not None:
        yield "model", workload.model
    if workload.precision is not None:
        dtypes = "weight_dtypes" if isinstance(workload, Loading) else "forward_dtypes"
        yield dtypes, (DTYPES[workload.precision],)
    if isinstance(workload, Generation):
        yield from _expected_of_generation(workload)
    else:
        for name in OF_TRAINING if isinstance(workload, Training) else OF_LOADING:
            yield name, getattr(workload, name)


def _expected_of_generation(workload: Generation) -> Iterator[tuple[str, object]]:
    yield "engine", workload.engine
    yield "api", workload.api
    yield "tensor_parallel_degree", workload.tensor_parallel_degree
    yield "cache", workload.cache
    yield "device_memory_gib", workload.device_memory_gib
    if workload.input_tokens is not None:
        yield "input_tokens", (workload.input_tokens,) * workload.prompts
    if workload.new_tokens is not None:
        yield "new_tokens", (workload.new_tokens,) * workload.prompts
    if workload.batch_size is not None:
        full, rest = divmod(workload.prompts, workload.batch_size)
        sizes = {workload.batch_size} if full else set()
        yield "forward_batch_sizes", tuple(sorted(sizes | ({rest} if rest else set())))


def open_to_witness(workload: Workload) -> list[str]:
    """Name the fields that a run's witness should confirm and that the workload leaves open."""
    owed: tuple[str, ...] = ("model", "precision")
    if isinstance(workload, Generation):
        owed = (*owed, "engine", "api", "tensor_parallel_degree", "input_tokens", "new_tokens")
    elif isinstance(workload, Training):
        owed = (*owed, "ranks", "samples", "micro_batch", "gradient_accumulation", "learning_rate", "warmup_steps")
    else:
        owed = (*owed, "engine", "checkpoint")
    return [name for name in owed if getattr(workload, name) is None]


OWED_BY_ALL = ("host_memory_to_weights", "model_server", "device_memory_gib")
"""What a run that ended for want of memory owes as well: what it had to share, and how much there was."""


def differences(workload: Workload, witness: Witness | None, *, ended_early: bool = False) -> list[str]:
    """Name every difference between what was asked and what the run saw of itself.

    An observation that the run owes and did not make is a difference too; one that ``ended_early``, for
    want of memory, owes only what it had to begin with. An empty list means that the witness matches.
    """
    if witness is None:
        return ["the run carries no witness"]
    found = []
    for name, asked in _expected(workload):
        seen = getattr(witness, name)
        if ended_early and seen is None and name not in OWED_BY_ALL:
            continue
        if asked is not None and seen != asked:
            found.append(f"{name}: asked {asked!r}, the run saw {seen!r}")
    return found

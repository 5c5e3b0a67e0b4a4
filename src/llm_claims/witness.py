"""The witness: what a run itself observed about its configuration."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from llm_claims.workloads import Generation, Loading, Training, Workload

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class Witness(BaseModel):
    """Observations of a run; ``None`` says that the run did not look.

    ``forward_dtypes`` are those of the matrix products; ``input_tokens`` and ``new_tokens`` have
    one entry a sequence, shape (prompts,); ``forward_batch_sizes`` are the distinct batch sizes
    that the model's forward received, ascending.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str | None = None
    threads: PositiveInt | None = None
    engine: str | None = None
    api: str | None = None
    model: str | None = None
    parameters: PositiveInt | None = None
    forward_dtypes: tuple[str, ...] | None = None
    input_tokens: tuple[NonNegativeInt, ...] | None = None
    new_tokens: tuple[NonNegativeInt, ...] | None = None
    forward_batch_sizes: tuple[PositiveInt, ...] | None = None
    tensor_parallel_degree: PositiveInt | None = None
    zero_stage: int | None = None
    ranks: PositiveInt | None = None
    transport: str | None = None
    low_cpu_mem_usage: bool | None = None
    model_server: bool | None = None


def _expected(workload: Workload) -> Iterator[tuple[str, object]]:
    """Each observation that a completed run of ``workload`` owes, with the value it must have."""
    if workload.precision is not None:
        yield "forward_dtypes", (DTYPES[workload.precision],)
    if workload.model is not None:
        yield "model", workload.model
    if isinstance(workload, Generation):
        yield from _expected_of_generation(workload)
    elif isinstance(workload, Training):
        yield "zero_stage", workload.zero_stage
        yield "ranks", workload.ranks
    elif isinstance(workload, Loading):
        yield "engine", workload.engine
        yield "low_cpu_mem_usage", workload.low_cpu_mem_usage
        yield "model_server", workload.model_server


def _expected_of_generation(workload: Generation) -> Iterator[tuple[str, object]]:
    yield "engine", workload.engine
    yield "api", workload.api
    yield "tensor_parallel_degree", workload.tensor_parallel_degree
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
    return [name for name in owed if getattr(workload, name) is None]


def differences(workload: Workload, witness: Witness | None) -> list[str]:
    """Name every difference between what was asked and what the run saw of itself.

    An observation that the run owes and did not make is a difference too. An empty list means
    that the witness matches.
    """
    if witness is None:
        return ["the run carries no witness"]
    found = []
    for name, asked in _expected(workload):
        seen = getattr(witness, name)
        if asked is not None and seen != asked:
            found.append(f"{name}: asked {asked!r}, the run saw {seen!r}")
    return found

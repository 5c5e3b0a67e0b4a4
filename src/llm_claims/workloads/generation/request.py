"""Check that a request can be served, and find the model that has to be loaded for it."""

from __future__ import annotations

from collections.abc import Iterator

from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.compilation import missing_compiler
from llm_claims.workloads.generation.engines import ON_GPU, ON_PROCESSOR
from llm_claims.workloads.generation.llama import MODELS
from llm_claims.workloads.generation.loaded_model import ModelKey
from llm_claims.workloads.generation.prompts import MAX_TOKENS
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.llm.shapes import LARGE
from llm_claims.workloads.program import UnsupportedWorkload

DEFAULT = ModelKey(model="llama-30m", precision="fp32", engine="transformers")
"""Values for fields that a workload leaves open."""


def key_of(workload: Generation) -> ModelKey:
    """Return which model to load for a workload; its open fields are filled from `DEFAULT`."""
    return ModelKey(
        model=workload.model or DEFAULT.model,
        precision=workload.precision or DEFAULT.precision,
        engine=workload.engine or DEFAULT.engine,
        degree=workload.tensor_parallel_degree or 1,
        device_memory_gib=workload.device_memory_gib,
        quantization=workload.quantization,
    )


def supported(workload: Workload, device: str = "cpu") -> Generation:
    """Return the workload if this program can run it on ``device``, "cpu" or "cuda".

    Raises
    ------
    UnsupportedWorkload
        It cannot; the text says why.
    """
    if not isinstance(workload, Generation):
        raise UnsupportedWorkload(f"this program runs generation, not {workload.kind}")
    for reason in (*_reasons_of_the_device(workload, device), *_reasons_of_the_request(workload)):
        raise UnsupportedWorkload(reason)
    return workload


def _reasons_of_the_device(workload: Generation, device: str) -> Iterator[str]:
    here, engines = ("a GPU", ON_GPU) if device == "cuda" else ("this processor", ON_PROCESSOR)
    if workload.model not in (None, *MODELS):
        yield f"no model {workload.model!r}; choose from {', '.join(MODELS)}"
    if device == "cpu" and workload.model in LARGE:
        yield f"{workload.model} is served only on GPUs"
    if device == "cpu" and workload.precision == "fp16":
        yield f"no precision 'fp16' on {here}; choose from fp32, bf16"
    if workload.engine not in (None, *engines):
        yield f"no engine {workload.engine!r} on {here}; choose from {', '.join(engines)}"
    if device == "cpu" and workload.tensor_parallel_degree not in (None, 1):
        yield f"tensor parallelism of degree {workload.tensor_parallel_degree} needs as many devices, not one"
    if device == "cpu" and workload.device_memory_gib is not None:
        yield "a processor has no device memory to cap"
    if device == "cpu" and workload.cache == "static" and (reason := missing_compiler()):
        yield reason


def _reasons_of_the_request(workload: Generation) -> Iterator[str]:
    for field in ("requests", "concurrency", "request_rate", "variant"):
        if (value := getattr(workload, field)) is not None:
            yield f"{field}={value} is of imported results: this program serves one request at a time, in one way"
    if workload.quantization == "int4":
        yield "quantization=int4: this program stores weights in int8, and has no product with packed int4"
    if workload.quantization is not None and workload.engine not in (None, "transformers"):
        yield f"quantization={workload.quantization} is measured with the engine transformers, not {workload.engine}"
    for field in ("api", "input_tokens", "new_tokens"):
        if getattr(workload, field) is None:
            yield f"{field} is open, but a run needs a value"
    if (workload.input_tokens or 0) + (workload.new_tokens or 0) > MAX_TOKENS:
        yield f"{workload.input_tokens} + {workload.new_tokens} tokens exceed the model's {MAX_TOKENS} positions"
    if workload.api == "generate" and workload.prompts > (workload.batch_size or 1):
        yield (
            f"generate takes one batch and no list of prompts: {workload.prompts} prompts "
            f"with batch_size={workload.batch_size} need api='pipeline'"
        )

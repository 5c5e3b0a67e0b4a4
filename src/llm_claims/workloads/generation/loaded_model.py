"""A stand: one model that stands ready in this process, behind one engine, and the calls that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.generation.engines import Served, served
from llm_claims.workloads.generation.llama import build_llama
from llm_claims.workloads.generation.observer import Observer
from llm_claims.workloads.generation.prompts import build_tokenizer, prompt_texts
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.llm.engine import ServingEngine
from llm_claims.workloads.llm.precision import Precision
from llm_claims.workloads.protocol import Answer, Figure

if TYPE_CHECKING:
    from transformers import Pipeline, PreTrainedTokenizerBase


@dataclass(frozen=True)
class ModelKey:
    """What one stand has to be: requests that agree in this share it. ``device_memory_gib`` caps its memory, in GiB."""

    model: str
    precision: Precision
    engine: ServingEngine
    degree: int = 1
    device_memory_gib: float | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A model that stands ready, with all that is needed to use and to watch it."""

    served: Served
    tokenizer: PreTrainedTokenizerBase
    pipe: Pipeline
    observer: Observer


@dataclass(frozen=True)
class Run:
    """What came back from one timed call: the token ids of each sequence, prompts first, and its seconds."""

    sequences: list[list[int]]
    seconds: float


def load_model(key: ModelKey, device: str = "cpu") -> LoadedModel:
    """Build model, tokenizer, pipeline and observer, cold.

    Raises
    ------
    ValueError
        No such model or precision.
    EngineFailure
        The engine does not take the model.
    """
    from transformers import pipeline

    tokenizer = build_tokenizer()
    ready = served(build_llama(key.model, tokenizer, key.precision, device=device), key.engine, key.degree)
    # Stated, because the pipeline would move the model to any accelerator it finds.
    where = {} if ready.placed else {"device": ready.model.device}
    pipe: Any = pipeline("text-generation", model=ready.model, tokenizer=tokenizer, **where)
    return LoadedModel(ready, tokenizer, pipe, Observer(ready, pipe))


def call(loaded: LoadedModel, workload: Generation) -> Run:
    """Make the workload's call once, timed as its caller would see it.

    For the pipeline that takes in tokenization, for ``generate`` the caller has tokens already.
    """
    assert workload.input_tokens is not None
    assert workload.new_tokens is not None
    texts = prompt_texts(workload.prompts, workload.input_tokens)
    options: dict[str, Any] = {
        "do_sample": True,
        "temperature": 1.0,
        "use_cache": True,
        "min_new_tokens": workload.new_tokens,
        "max_new_tokens": workload.new_tokens,
    }
    if workload.cache == "static":
        options["cache_implementation"] = "static"
    if workload.api == "generate":
        return _call_generate(loaded, texts, options)
    return _call_pipeline(loaded, texts, options, workload.batch_size)


def answer_of(loaded: LoadedModel, workload: Generation, runs: Sequence[Run]) -> Answer:
    """Return the answer of calls that were made one after another: the least latency, what the last one saw.

    What disturbs a call only ever adds to its time, so the least of a few is nearest to what the request takes (Chen
    and Revels, Robust benchmarking in noisy environments, 2016, section III).
    """
    witness = loaded.observer.witness(runs[-1].sequences)
    metrics: dict[str, Figure] = {
        "latency_seconds": min(run.seconds for run in runs),
        # Where sequences disagree the witness has each, and the evidence is refused.
        "new_tokens_per_sequence": min(witness.new_tokens or (0,)),
        "largest_forward_batch": max(witness.forward_batch_sizes or (0,)),
    }
    calls = len(runs) if len(runs) > 1 else None
    return Answer(metrics=metrics, witness=witness.model_copy(update={"calls": calls}))


def _call_generate(loaded: LoadedModel, texts: list[str], options: dict[str, Any]) -> Run:
    batch = loaded.tokenizer(texts, return_tensors="pt").to(loaded.served.model.device)
    start = _now()
    sequences = loaded.served.model.generate(**batch, **options)
    seconds = _now() - start
    return Run(sequences.tolist(), seconds)


def _call_pipeline(loaded: LoadedModel, texts: list[str], options: dict[str, Any], batch_size: int | None) -> Run:
    # Absent is a configuration of its own: the claim is about what the pipeline then does.
    batching = {} if batch_size is None else {"batch_size": batch_size}
    start = _now()
    # The tokens themselves, since text tokenized anew need not have as many.
    answers = loaded.pipe(texts, return_tensors=True, **batching, **options)
    seconds = _now() - start
    return Run([sequence["generated_token_ids"] for (sequence,) in answers], seconds)


def _now() -> float:
    """The time at which every device has done what it was given."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for device in range(torch.cuda.device_count()):
            torch.cuda.synchronize(device)
    return perf_counter()

"""A model loaded in this process, in one engine, and the timed calls of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.generation.compilation import compile_config
from llm_claims.workloads.generation.engines import Served, served
from llm_claims.workloads.generation.llama import build_llama
from llm_claims.workloads.generation.observer import Observer
from llm_claims.workloads.generation.prompts import build_tokenizer, prompt_texts
from llm_claims.workloads.generation.token_clock import TokenClock
from llm_claims.workloads.generation.workload import Generation, Quantization
from llm_claims.workloads.llm.engine import ServingEngine
from llm_claims.workloads.llm.precision import Precision
from llm_claims.workloads.protocol import Answer, Figure

if TYPE_CHECKING:
    from transformers import Pipeline, PreTrainedTokenizerBase


@dataclass(frozen=True)
class ModelKey:
    """Which model to load and how; requests with equal keys share a loaded model.

    ``degree`` is the tensor parallel degree; ``device_memory_gib`` caps the memory on each GPU, in GiB;
    ``quantization`` is what the weights are stored in, if not in ``precision``.
    """

    model: str
    precision: Precision
    engine: ServingEngine
    degree: int = 1
    device_memory_gib: float | None = None
    quantization: Quantization | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A loaded model in its engine, with its tokenizer, its pipeline and its observer."""

    served: Served
    tokenizer: PreTrainedTokenizerBase
    pipe: Pipeline
    observer: Observer


@dataclass(frozen=True)
class Run:
    """The result of one timed call: the token ids of each sequence, with its prompt first, and the seconds it took.

    ``of_tokens`` tells when the tokens came, by metric; only a request of one prompt has them.
    """

    sequences: list[list[int]]
    seconds: float
    of_tokens: Mapping[str, float] = field(default_factory=dict)


def load_model(key: ModelKey, device: str = "cpu") -> LoadedModel:
    """Build model, tokenizer, pipeline and observer, without warming them up.

    Raises
    ------
    ValueError
        The model or the precision is unknown.
    EngineFailure
        The engine cannot load the model, or computes other logits.
    """
    from transformers import pipeline

    from llm_claims.workloads.generation.quantization import quantize

    tokenizer = build_tokenizer()
    model = build_llama(key.model, tokenizer, key.precision, device=device)
    if key.quantization == "int8":
        quantize(model)
    ready = served(model, key.engine, key.degree)
    # Without a device, the pipeline would move the model to any accelerator that it finds.
    where = {} if ready.placed else {"device": ready.model.device}
    pipe: Any = pipeline("text-generation", model=ready.model, tokenizer=tokenizer, **where)
    return LoadedModel(ready, tokenizer, pipe, Observer(ready, pipe))


def call(loaded: LoadedModel, workload: Generation) -> Run:
    """Call the API that the workload states once, and time it as a user would.

    The time of the pipeline includes tokenization; that of ``generate`` does not, because its input is tokens.
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
        if (config := compile_config(loaded.served.model.device.type, workload.quantization)) is not None:
            options["compile_config"] = config
    clock = TokenClock() if workload.prompts == 1 else None
    if clock is not None:
        options["streamer"] = clock
    if workload.api == "generate":
        run = _call_generate(loaded, texts, options, clock)
    else:
        run = _call_pipeline(loaded, texts, options, workload.batch_size, clock)
    return replace(run, of_tokens=clock.figures()) if clock is not None else run


def answer_of(loaded: LoadedModel, workload: Generation, runs: Sequence[Run]) -> Answer:
    """Return the answer for repeated calls of one request: the least latency, and the witness of the last call.

    Disturbances only add time, so the minimum of a few calls is the best estimate of the latency (Chen and Revels,
    Robust benchmarking in noisy environments, 2016, section III).

    The bandwidth of the weights is their bytes times the new tokens a second of the whole request, which may have one
    prompt: in a batch, one reading of the weights serves many tokens.
    """
    witness = loaded.observer.witness(runs[-1].sequences)
    fastest = min(runs, key=lambda run: run.seconds)
    metrics: dict[str, Figure] = {
        "latency_seconds": fastest.seconds,
        **fastest.of_tokens,
        # If sequences differ in length, the witness shows each, and the evidence is refused.
        "new_tokens_per_sequence": min(witness.new_tokens or (0,)),
        "largest_forward_batch": max(witness.forward_batch_sizes or (0,)),
    }
    if workload.prompts == 1 and witness.weight_bytes and witness.new_tokens:
        read = float(witness.weight_bytes) * witness.new_tokens[0]
        metrics["weight_bandwidth_bytes_per_second"] = read / fastest.seconds
    calls = len(runs) if len(runs) > 1 else None
    return Answer(metrics=metrics, witness=witness.model_copy(update={"calls": calls}))


def _call_generate(loaded: LoadedModel, texts: list[str], options: dict[str, Any], clock: TokenClock | None) -> Run:
    batch = loaded.tokenizer(texts, return_tensors="pt").to(loaded.served.model.device)
    start = _start(clock)
    sequences = loaded.served.model.generate(**batch, **options)
    seconds = _now() - start
    return Run(sequences.tolist(), seconds)


def _call_pipeline(
    loaded: LoadedModel, texts: list[str], options: dict[str, Any], batch_size: int | None, clock: TokenClock | None
) -> Run:
    # Without the argument the pipeline behaves differently, and claims are about that.
    batching = {} if batch_size is None else {"batch_size": batch_size}
    start = _start(clock)
    # Tokens and not text: text that is tokenized again may have another number of tokens.
    answers = loaded.pipe(texts, return_tensors=True, **batching, **options)
    seconds = _now() - start
    return Run([sequence["generated_token_ids"] for (sequence,) in answers], seconds)


def _start(clock: TokenClock | None) -> float:
    now = _now()
    if clock is not None:
        clock.start = now
    return now


def _now() -> float:
    """Return the time in seconds, after all GPUs in use have finished their work."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for device in range(torch.cuda.device_count()):
            torch.cuda.synchronize(device)
    return perf_counter()

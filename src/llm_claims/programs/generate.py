"""The program behind `Generation`: serves a stand-in model on the processor, one request at a time.

Run as ``python -m llm_claims.programs.generate``; see `llm_claims.programs.protocol`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llm_claims.programs.channel import Runner, serve
from llm_claims.programs.protocol import Answer, Figure, Request
from llm_claims.programs.serving.llama import SHAPES, TORCH_DTYPES, build_llama
from llm_claims.programs.serving.observer import Observer
from llm_claims.programs.serving.prompts import MAX_TOKENS, build_tokenizer, prompt_texts
from llm_claims.workloads import Generation, Workload

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, Pipeline, PreTrainedTokenizerBase

DEFAULT_MODEL = "llama-30m"
DEFAULT_PRECISION = "fp32"
# With two threads, every matrix product waits for the slower one: another process that keeps one core
# busy then makes a request up to ten times slower, and each request differently. One thread keeps
# timings comparable on a machine that is shared; the claims judged here compare, and need no speed.
THREADS = 1
PACKAGES = ("torch", "transformers", "numpy")

# One call of each path that a first call makes slower: kernels chosen by shape, lazy imports, and
# the allocator's first large blocks.
_WARM_UPS = (
    Generation(api="generate", input_tokens=10, new_tokens=16),
    Generation(api="generate", input_tokens=750, new_tokens=8),
    Generation(api="pipeline", input_tokens=10, new_tokens=8, prompts=2),
    Generation(api="pipeline", input_tokens=10, new_tokens=8, prompts=4, batch_size=4),
)


class UnsupportedWorkload(ValueError):
    """A workload that this program does not run; the text says why."""


@dataclass(frozen=True)
class Stand:
    """A model that stands ready, with all that is needed to use and to watch it."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerBase
    pipe: Pipeline
    observer: Observer


@dataclass(frozen=True)
class Run:
    """What came back from one timed call: the token ids of each sequence, prompts first, and its seconds."""

    sequences: list[list[int]]
    seconds: float


def build_stand(model_name: str, precision: str) -> Stand:
    """Build model, tokenizer, pipeline and observer, cold.

    Raises
    ------
    ValueError
        No such model or precision.
    """
    from transformers import pipeline

    tokenizer = build_tokenizer()
    model = build_llama(model_name, tokenizer, precision)
    # Stated, because the pipeline would move the model to any accelerator it finds.
    pipe = pipeline("text-generation", model=model, tokenizer=tokenizer, device="cpu")
    return Stand(model, tokenizer, pipe, Observer(model, pipe))


class Generator:
    """Answers requests for `Generation`, with each model built and warmed up once, before it is timed."""

    def __init__(self) -> None:
        self._stands: dict[tuple[str, str], Stand] = {}

    def stand(self, model_name: str = DEFAULT_MODEL, precision: str = DEFAULT_PRECISION) -> Stand:
        """Return the warm stand of a model, building it when it is first asked for.

        Raises
        ------
        ValueError
            No such model or precision.
        """
        key = (model_name, precision)
        if key not in self._stands:
            stand = build_stand(model_name, precision)
            for workload in _WARM_UPS:
                call(stand, workload)
            self._stands[key] = stand
        return self._stands[key]

    def run(self, request: Request) -> Answer:
        """Run the workload once and return its latency, its counts and its witness.

        Raises
        ------
        UnsupportedWorkload
            The workload asks for what this program does not do, or leaves open what it must know.
        """
        import torch

        workload = supported(request.workload)
        stand = self.stand(workload.model or DEFAULT_MODEL, workload.precision or DEFAULT_PRECISION)
        torch.manual_seed(request.seed)
        stand.observer.reset()
        done = call(stand, workload)
        witness = stand.observer.witness(done.sequences)
        metrics: dict[str, Figure] = {
            "latency_seconds": done.seconds,
            # Where sequences disagree the witness has each, and the evidence is refused.
            "new_tokens_per_sequence": min(witness.new_tokens or (0,)),
            "largest_forward_batch": max(witness.forward_batch_sizes or (0,)),
        }
        return Answer(metrics=metrics, witness=witness)


def supported(workload: Workload) -> Generation:
    """Return the workload if this program can run it.

    Raises
    ------
    UnsupportedWorkload
        It cannot; the text says why.
    """
    if not isinstance(workload, Generation):
        raise UnsupportedWorkload(f"this program runs generation, not {workload.kind}")
    for reason in _reasons_against(workload):
        raise UnsupportedWorkload(reason)
    return workload


def _reasons_against(workload: Generation) -> Iterator[str]:
    if workload.model not in (None, *SHAPES):
        yield f"no model {workload.model!r}; there is {', '.join(SHAPES)}"
    if workload.precision not in (None, *TORCH_DTYPES):
        yield f"no precision {workload.precision!r} on this processor; there is {', '.join(TORCH_DTYPES)}"
    if workload.engine not in (None, "transformers"):
        yield f"no engine {workload.engine!r} on this processor; there is transformers"
    if workload.tensor_parallel_degree not in (None, 1):
        yield f"tensor parallelism of degree {workload.tensor_parallel_degree} needs as many devices; there is one"
    for field in ("api", "input_tokens", "new_tokens"):
        if getattr(workload, field) is None:
            yield f"{field} is open; a run needs a value"
    if (workload.input_tokens or 0) + (workload.new_tokens or 0) > MAX_TOKENS:
        yield f"{workload.input_tokens} + {workload.new_tokens} tokens exceed the model's {MAX_TOKENS} positions"
    if workload.api == "generate" and workload.prompts > (workload.batch_size or 1):
        yield (
            f"generate takes one batch and has no list of prompts: {workload.prompts} prompts "
            f"with batch_size={workload.batch_size} is a configuration of the pipeline alone"
        )


def call(stand: Stand, workload: Generation) -> Run:
    """Make the workload's call once, timed as its caller would see it.

    For the pipeline that takes in tokenization, for ``generate`` the caller has tokens already.
    """
    assert workload.input_tokens is not None
    assert workload.new_tokens is not None
    texts = prompt_texts(workload.prompts, workload.input_tokens)
    options = {
        "do_sample": True,
        "temperature": 1.0,
        "use_cache": True,
        "min_new_tokens": workload.new_tokens,
        "max_new_tokens": workload.new_tokens,
    }
    if workload.api == "generate":
        return _call_generate(stand, texts, options)
    return _call_pipeline(stand, texts, options, workload.batch_size)


def _call_generate(stand: Stand, texts: list[str], options: dict[str, Any]) -> Run:
    batch = stand.tokenizer(texts, return_tensors="pt")
    model: Any = stand.model  # the declared type of generate accepts no model there is
    start = perf_counter()
    sequences = model.generate(**batch, **options)
    seconds = perf_counter() - start
    return Run(sequences.tolist(), seconds)


def _call_pipeline(stand: Stand, texts: list[str], options: dict[str, Any], batch_size: int | None) -> Run:
    # Absent is a configuration of its own: the claim is about what the pipeline then does.
    batching = {} if batch_size is None else {"batch_size": batch_size}
    start = perf_counter()
    # The tokens themselves, since text tokenized anew need not have as many.
    answers = stand.pipe(texts, return_tensors=True, **batching, **options)
    seconds = perf_counter() - start
    return Run([sequence["generated_token_ids"] for (sequence,) in answers], seconds)


def set_up() -> Runner:
    """Build and warm up the default model, so that no request pays for it."""
    import torch

    torch.set_num_threads(THREADS)
    generator = Generator()
    generator.stand()
    return generator.run


def main() -> int:
    """Serve generation until the caller is gone; return the exit status."""
    # Everything is built here; whatever library thinks otherwise must fail, not download.
    os.environ["HF_HUB_OFFLINE"] = "1"
    return serve(set_up, PACKAGES)


if __name__ == "__main__":
    raise SystemExit(main())

"""The program behind `Generation`: serves models on the processor or on GPUs, one request at a time.

Run as ``python -m llm_claims.programs.generate``; see `llm_claims.programs.protocol`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from llm_claims.programs.channel import Runner, device_asked_for, serve
from llm_claims.programs.protocol import Answer, Figure, Request
from llm_claims.programs.serving.engines import ON_GPU, ON_PROCESSOR
from llm_claims.programs.serving.llama import SHAPES
from llm_claims.programs.serving.prompts import MAX_TOKENS
from llm_claims.programs.serving.stand import Run, Stand, StandKey, build_stand, call
from llm_claims.programs.shapes import LARGE_SHAPES
from llm_claims.workloads import Generation, Workload

DEFAULT = StandKey(model="llama-30m", precision="fp32", engine="transformers")
# With two threads, every matrix product waits for the slower one: another process that keeps one core
# busy then makes a request up to ten times slower, and each request differently. One thread keeps
# timings comparable on a machine that is shared; the claims judged here compare, and need no speed.
THREADS = 1
PACKAGES = ("torch", "transformers", "numpy")
PACKAGES_ON_GPU = (*PACKAGES, "accelerate", "deepspeed", "triton")

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


class Generator:
    """Answers requests for `Generation`, with each model built and warmed up once, before it is timed."""

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._stands: dict[StandKey, Stand] = {}

    def stand(self, key: StandKey = DEFAULT) -> Stand:
        """Return the stand of a model, building it when it is first asked for; warm, if it is on the processor.

        Raises
        ------
        ValueError
            No such model or precision.
        """
        if key not in self._stands:
            stand = build_stand(key, self._device)
            for workload in _WARM_UPS if self._device == "cpu" else ():
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
        workload = supported(request.workload, self._device)
        stand = self.stand(key_of(workload))
        return answer_of(stand, workload, [_called(stand, workload, request.seed)])


def _called(stand: Stand, workload: Generation, seed: int) -> Run:
    import torch

    torch.manual_seed(seed)
    stand.observer.reset()
    return call(stand, workload)


def answer_of(stand: Stand, workload: Generation, runs: Sequence[Run]) -> Answer:
    """Return the answer of calls that were made one after another: the least latency, what the last one saw.

    What disturbs a call only ever adds to its time, so the least of a few is nearest to what the request takes (Chen
    and Revels, Robust benchmarking in noisy environments, 2016, section III).
    """
    witness = stand.observer.witness(runs[-1].sequences)
    metrics: dict[str, Figure] = {
        "latency_seconds": min(run.seconds for run in runs),
        # Where sequences disagree the witness has each, and the evidence is refused.
        "new_tokens_per_sequence": min(witness.new_tokens or (0,)),
        "largest_forward_batch": max(witness.forward_batch_sizes or (0,)),
    }
    calls = len(runs) if len(runs) > 1 else None
    return Answer(metrics=metrics, witness=witness.model_copy(update={"calls": calls}))


def key_of(workload: Generation) -> StandKey:
    """What the stand of a workload has to be; this program's own choice where the workload leaves it open."""
    return StandKey(
        model=workload.model or DEFAULT.model,
        precision=workload.precision or DEFAULT.precision,
        engine=workload.engine or DEFAULT.engine,
        degree=workload.tensor_parallel_degree or 1,
        device_memory_gib=workload.device_memory_gib,
    )


def supported(workload: Workload, device: str = "cpu") -> Generation:
    """Return the workload if this program can run it.

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
    if workload.model not in (None, *SHAPES):
        yield f"no model {workload.model!r}; there is {', '.join(SHAPES)}"
    if device == "cpu" and workload.model in LARGE_SHAPES:
        yield f"{workload.model} is served on GPUs alone"
    if device == "cpu" and workload.precision == "fp16":
        yield f"no precision 'fp16' on {here}; there is fp32, bf16"
    if workload.engine not in (None, *engines):
        yield f"no engine {workload.engine!r} on {here}; there is {', '.join(engines)}"
    if device == "cpu" and workload.tensor_parallel_degree not in (None, 1):
        yield f"tensor parallelism of degree {workload.tensor_parallel_degree} needs as many devices; there is one"
    if device == "cpu" and workload.device_memory_gib is not None:
        yield "a processor has no device memory to cap"


def _reasons_of_the_request(workload: Generation) -> Iterator[str]:
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


def set_up(device: str) -> Runner:
    """Build and warm up the default model, so that no request pays for it; on GPUs, import what the crews need."""
    import torch

    torch.set_num_threads(THREADS)
    if device == "cuda":
        from llm_claims.programs.serving.crews import Crews

        return Crews().run
    generator = Generator()
    generator.stand()
    return generator.run


def main() -> int:
    """Serve generation until the caller is gone; return the exit status."""
    device = device_asked_for()
    # Everything is built here; whatever library thinks otherwise must fail, not download.
    os.environ["HF_HUB_OFFLINE"] = "1"
    if device == "cuda":
        prepare_environment()
    return serve(lambda: set_up(device), PACKAGES if device == "cpu" else PACKAGES_ON_GPU, device)


def prepare_environment() -> None:
    """Set what the libraries read when they are imported: the order of devices, and that nobody starts CUDA to look."""
    os.environ.update(
        DS_ACCELERATOR="cuda",
        CUDA_DEVICE_ORDER="PCI_BUS_ID",
        PYTORCH_NVML_BASED_CUDA_CHECK="1",
        TOKENIZERS_PARALLELISM="false",
    )


if __name__ == "__main__":
    raise SystemExit(main())

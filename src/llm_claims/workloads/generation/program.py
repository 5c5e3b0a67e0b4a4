"""The program behind `Generation`: serves models on the processor or on GPUs, one request at a time.

Run as ``python -m llm_claims.workloads.generation.program``; see `llm_claims.workloads.protocol`.
"""

from __future__ import annotations

import os

from llm_claims.workloads.clock import clock
from llm_claims.workloads.generation.loaded_model import LoadedModel, ModelKey, Run, answer_of, call, load_model
from llm_claims.workloads.generation.request import DEFAULT, key_of, supported
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.llm.gpu import ENVIRONMENT
from llm_claims.workloads.program import Runner, command_line, serve_prepared
from llm_claims.workloads.protocol import Answer, Request

# With two threads, every matrix product waits for the slower one: another process on one core makes requests
# up to ten times slower, and each by a different factor. With one thread, timings stay comparable on a shared
# machine; the claims judged here compare timings, so absolute speed does not matter.
THREADS = 1
TIMED_CALLS = 3
PACKAGES = ("torch", "transformers", "numpy")
PACKAGES_ON_GPU = (*PACKAGES, "accelerate", "deepspeed", "triton")

# Warm-up calls for everything that makes a first call slower: kernels chosen by shape, lazy imports, and the
# allocator's first large blocks.
_WARM_UPS = (
    Generation(api="generate", input_tokens=10, new_tokens=16),
    Generation(api="generate", input_tokens=750, new_tokens=8),
    Generation(api="pipeline", input_tokens=10, new_tokens=8, prompts=2),
    Generation(api="pipeline", input_tokens=10, new_tokens=8, prompts=4, batch_size=4),
)


class Generator:
    """Answers requests for `Generation` on the processor; each model is built once, and warmed up before timing."""

    def __init__(self) -> None:
        self._models: dict[ModelKey, LoadedModel] = {}
        self._called_before: set[str] = set()

    def model(self, key: ModelKey = DEFAULT) -> LoadedModel:
        """Return a loaded model that has been warmed up; build it on first use.

        Raises
        ------
        ValueError
            The model or the precision is unknown.
        """
        if key not in self._models:
            loaded = load_model(key)
            clock.begin("compiling")
            # A model that few claims ask for is warmed up by their own requests.
            for workload in _WARM_UPS if key == DEFAULT else ():
                call(loaded, workload)
            self._models[key] = loaded
        return self._models[key]

    def run(self, request: Request) -> Answer:
        """Run the workload once and return its latency, its counts and its witness.

        Raises
        ------
        UnsupportedWorkload
            The workload states something that this program cannot run, or leaves a required field open.
        """
        workload = supported(request.workload)
        key = key_of(workload)
        loaded = self.model(key)
        if (key != DEFAULT or workload.cache == "static") and workload.digest not in self._called_before:
            # The first call compiles, if the cache is static.
            clock.begin("compiling")
            call(loaded, workload)
            self._called_before.add(workload.digest)
        clock.begin("measuring")
        run = _timed_call(loaded, workload, request.seed)
        clock.begin("rest")
        return answer_of(loaded, workload, [run])


def _timed_call(loaded: LoadedModel, workload: Generation, seed: int) -> Run:
    import torch

    torch.manual_seed(seed)
    loaded.observer.reset()
    return call(loaded, workload)


def set_up(device: str, calls: int) -> Runner:
    """Prepare for requests and return what answers them.

    On the processor, build and warm up the default model; on GPUs, import what the serving ranks need and leave CUDA
    uninitialized, since they are forks.
    """
    import torch

    torch.set_num_threads(THREADS)
    if device == "cuda":
        import accelerate  # noqa: F401
        import deepspeed  # noqa: F401
        import transformers  # noqa: F401

        from llm_claims.workloads.generation.serving_groups import ServingGroups

        return ServingGroups(calls).run
    generator = Generator()
    generator.model()
    return generator.run


def main() -> int:
    """Answer requests for `Generation` until the caller ends; return the exit status."""
    parser = command_line()
    parser.add_argument(
        "--calls",
        type=int,
        default=TIMED_CALLS,
        help="timed calls for each request on a GPU; with 1 there is no warm-up call either",
    )
    asked = parser.parse_args()
    device = str(asked.device)
    # Nothing is downloaded: a library that tries to must fail.
    os.environ["HF_HUB_OFFLINE"] = "1"
    if device == "cuda":
        prepare_environment()
    packages = PACKAGES if device == "cpu" else PACKAGES_ON_GPU
    return serve_prepared(Generation, lambda: set_up(device, asked.calls), packages, device)


def prepare_environment() -> None:
    """Set the environment variables that libraries read at import: order of devices, and no CUDA initialization."""
    os.environ.update(ENVIRONMENT, DS_ACCELERATOR="cuda", TOKENIZERS_PARALLELISM="false")


if __name__ == "__main__":
    raise SystemExit(main())

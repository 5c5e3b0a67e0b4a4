"""The program behind `Generation`: serves models on the processor or on GPUs, one request at a time.

Run as ``python -m llm_claims.programs.generate``; see `llm_claims.programs.protocol`.
"""

from __future__ import annotations

import os

from llm_claims.programs.channel import Runner, device_asked_for, serve
from llm_claims.programs.protocol import Answer, Request
from llm_claims.programs.serving.request import DEFAULT, key_of, supported
from llm_claims.programs.serving.stand import Run, Stand, StandKey, answer_of, build_stand, call
from llm_claims.workloads import Generation

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

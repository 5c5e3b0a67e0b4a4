"""The GPU platform: the document's scale, on the GPUs that this machine has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

from llm_claims.errors import Untestable
from llm_claims.sources.platform import programs_on
from llm_claims.workloads.base import Generation, Loading, Training, Workload
from llm_claims.workloads.devices import Devices, busy, find_devices
from llm_claims.workloads.llm.shapes import LARGE_SHAPES, weights_of
from llm_claims.workloads.reference import ONE_PROCESS, Analogues, Reference

_MIB = 2**20
STEPS = 2
"""Optimizer steps of a run that is timed: the first pays for what comes once, and is left out."""
# What a model takes beside its weights: a key-value cache, activations, the libraries' workspaces.
_SERVING_OVERHEAD = 1.15
_TRAINING_OVERHEAD = 1.1


def gpu_reference(devices: int) -> Reference:
    """Return the reference configuration for a number of GPUs: the document's, with as many ranks."""
    accumulation = 4
    return Reference(
        training=Training(
            model="llama-7b",
            precision="bf16",
            parallelism="deepspeed",
            zero_stage=1,
            ranks=devices,
            context_tokens=1536,
            micro_batch=1,
            gradient_accumulation=accumulation,
            gradient_checkpointing=True,
            learning_rate=1e-5,
            warmup_steps=1,
            # Sixteen times below the default: a step that overflows is skipped, and is shorter than one that is not.
            initial_loss_scale=2.0**12,
            new_token_init="random",
            initial_weights="random",
            # What NCCL takes of itself where GPUs of one host reach each other's memory.
            transport="p2p",
            logger="hf-trainer",
        ),
        pretrained_training=Training(
            model="llama-85m",
            # As the document trains, where that can be: DeepSpeed scales losses in its own way.
            **(ONE_PROCESS if devices == 1 else {}),
            context_tokens=64,
            micro_batch=4,
            gradient_accumulation=2,
            gradient_checkpointing=False,
            learning_rate=1e-3,
            warmup_steps=24,
            initial_loss_scale=2.0**16,
        ),
        partitioned_training=Training(parallelism="deepspeed", zero_stage=1, ranks=devices),
        # As many steps, however many ranks share them.
        samples_a_rank={"random": STEPS * accumulation, "pretrained": 283},
        generation=Generation(
            model="llama-7b",
            precision="bf16",
            engine="transformers",
            api="generate",
            cache="static",
            tensor_parallel_degree=1,
            input_tokens=10,
            new_tokens=64,
        ),
        other_engine_generation=Generation(cache="dynamic"),
        analogues=Analogues(
            # GPUDirect RDMA writes to a peer's memory without a stop in the host's, as peer-to-peer copies do;
            # without it messages go through the host and its TCP stack.
            rdma_transport="p2p",
            no_rdma_transport="socket",
            device_memory_gib={"g5.xlarge": 24, "g5.2xlarge": 24},
        ),
    )


class GpuPlatform:
    """The GPUs that NVIDIA's driver shows; looked for when they are first asked about."""

    name: Literal["gpu"] = "gpu"
    noun = "a GPU of this machine"
    device = "cuda"
    always_here = False
    shares = False
    # Building a model and compiling its decoding are parts of a first sample.
    sample_timeout_seconds = 600.0
    programs: Mapping[str, Sequence[str]] = programs_on("cuda")

    @cached_property
    def _found(self) -> Devices | str:
        """The devices, or why there are none: who asks again is told the same."""
        try:
            return find_devices()
        except Untestable as reason:
            return str(reason)

    @property
    def devices(self) -> Devices:
        """The devices as they were first found.

        Raises
        ------
        Untestable
            There are none.
        """
        if isinstance(self._found, str):
            raise Untestable(self._found)
        return self._found

    @property
    def reference(self) -> Reference:
        """The reference configuration for as many devices as there are."""
        return gpu_reference(self.devices.count)

    def take(self) -> Devices:
        """Return the devices as they are now, before anything runs on them."""
        devices = find_devices()
        if reason := busy(devices):
            raise Untestable(reason)
        return devices

    def check(self, workload: Workload) -> None:
        """Refuse what these devices cannot measure: too few, too small, or not theirs to measure."""
        if isinstance(workload, Loading):
            raise Untestable("loading is measured on the processor: what it takes of host memory needs no GPU")
        if isinstance(workload, Generation):
            self._check_generation(workload)
        else:
            self._check_training(workload)

    def _check_generation(self, workload: Generation) -> None:
        degree = workload.tensor_parallel_degree or 1
        self._check_count(degree, f"tensor_parallel_degree={degree}")
        if workload.engine == "fastertransformer":
            raise Untestable("FasterTransformer exists as serving images alone, which the sagemaker source starts")
        if workload.engine == "transformers" and degree > 1:
            raise Untestable("the engine transformers serves on one GPU here; accelerate and deepspeed take several")
        if workload.device_memory_gib is not None:
            needed, reason = workload.device_memory_gib * 2**30, f"a cap of {workload.device_memory_gib:g} GiB"
        else:
            needed = 2 * self._weights(workload.model) / degree * _SERVING_OVERHEAD
            reason = f"serving {workload.model} on {degree} GPU(s)"
        self._check_memory(needed, reason)

    def _check_training(self, workload: Training) -> None:
        ranks = workload.ranks or 1
        if workload.zero_stage and ranks == 1:
            raise Untestable(
                "ZeRO partitions what ranks hold among them: needs at least two, on as many GPUs, and there is one"
            )
        self._check_count(ranks, f"ranks={ranks}")
        if workload.transport and ranks == 1:
            raise Untestable("a transport joins ranks: needs at least two GPUs, and there is one")
        if workload.link_mbit_per_second:
            raise Untestable("a shaped link joins network namespaces, which GPUs of one host do not use")
        if workload.model in LARGE_SHAPES:
            self._check_memory(self._training_bytes(workload), f"training {workload.model} at {ranks} ranks")

    def _training_bytes(self, workload: Training) -> float:
        """What a rank holds in mixed precision (Rajbhandari et al., ZeRO, SC20, section 3.1).

        Two bytes a weight, two of its gradient, and twelve of the optimizer's state, which ZeRO-1 parts among
        the ranks; ZeRO-3 parts everything.
        """
        ranks, weights = workload.ranks or 1, self._weights(workload.model)
        per_weight = {0: 16.0, 1: 4 + 12 / ranks, 3: 16 / ranks}[workload.zero_stage or 0]
        return per_weight * weights * _TRAINING_OVERHEAD

    @staticmethod
    def _weights(model: str | None) -> int:
        return weights_of(LARGE_SHAPES[model]) if model in LARGE_SHAPES else 0

    def _check_count(self, needed: int, what: str) -> None:
        if needed > (count := self.devices.count):
            raise Untestable(f"{what} needs {needed} GPUs; this machine has {count}")

    def _check_memory(self, needed: float, what: str) -> None:
        if needed > (there := self.devices.memory_mib * _MIB):
            raise Untestable(f"{what} needs {needed / 2**30:.0f} GiB a GPU; one has {there / 2**30:.0f} GiB")

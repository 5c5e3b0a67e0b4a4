"""The scaled configuration of the CPU: what a claim leaves open is filled with this, and what stands for what."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from llm_claims.errors import Untestable
from llm_claims.workloads.base import Generation, Loading, Training
from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.reference import Analogues, Reference
from llm_claims.workloads.training import link

# The document's model: 6.74e9 weights (Touvron et al., LLaMA, 2023, table 2) of two bytes in fp16.
_GIGABYTES_OF_7B = 13.5

CPU_REFERENCE = Reference(
    training=Training(
        model="llama-tiny",
        precision="fp32",
        parallelism="ddp",
        zero_stage=0,
        ranks=1,
        # 71 micro-batches, the last one smaller, in steps of two: a rest is left over, as in the document.
        samples=283,
        context_tokens=32,
        micro_batch=4,
        gradient_accumulation=2,
        gradient_checkpointing=False,
        # The rate with the lowest train_loss of those a decade apart.
        learning_rate=1e-2,
        # As large a part of the steps as in the document: 100 of 147.
        warmup_steps=24,
        # The default of torch.amp.GradScaler and of DeepSpeed.
        initial_loss_scale=2.0**16,
        new_token_init="random",
        initial_weights="pretrained",
        logger="hf-trainer",
    ),
    partitioned_training=Training(
        parallelism="deepspeed",
        zero_stage=1,
        ranks=2,
        samples=125,
        context_tokens=16,
        gradient_checkpointing=True,
        warmup_steps=5,
    ),
    linked_training=Training(samples=61, warmup_steps=2),
    generation=Generation(
        model="llama-30m",
        precision="fp32",
        engine="transformers",
        api="generate",
        tensor_parallel_degree=1,
        input_tokens=10,
        new_tokens=64,
    ),
    # Two bytes a weight, as in the document; DeepSpeed refuses fp16 on most processors. Shards were .bin then.
    loading=Loading(model="llama-270m", precision="bf16", engine="transformers", model_server=True, checkpoint="bin"),
    analogues=Analogues(
        # p4d.24xlarge has 400 Gbit/s of EFA on four cards, and plain TCP uses one of them: 4 to 1. The slower rate
        # is one at which sending what a step sends takes longer than computing it.
        rdma_mbit_per_second=32,
        no_rdma_mbit_per_second=8,
        host_memory_to_weights={
            "g4dn.xlarge": round(16 / _GIGABYTES_OF_7B, 3),
            "g4dn.2xlarge": round(32 / _GIGABYTES_OF_7B, 3),
            "g5.xlarge": round(16 / _GIGABYTES_OF_7B, 3),
        },
    ),
)


def check_here(workload: Training | Generation | Loading) -> None:
    """Make sure that this machine's processor can measure a workload that is filled.

    Raises
    ------
    Untestable
        It cannot; the text says why.
    """
    if isinstance(workload, Generation):
        _check_generation(workload)
    elif isinstance(workload, Training):
        _check_training(workload)
    elif workload.host_memory_to_weights is not None and (reason := memory_cap.missing()):
        raise Untestable(reason)


def _check_generation(workload: Generation) -> None:
    if workload.device_memory_gib is not None or workload.cache == "static":
        raise Untestable("device memory and compiled decoding are a GPU's")
    for field in ("engine", "tensor_parallel_degree", "model", "precision"):
        asked, here = getattr(workload, field), getattr(CPU_REFERENCE.generation, field)
        if asked != here:
            raise Untestable(f"the case needs {field}={asked}; the CPU serves {field}={here}")


def _check_training(workload: Training) -> None:
    if workload.transport is not None:
        raise Untestable(f"transport={workload.transport} joins GPUs; ranks on a processor are joined by gloo")
    if (ranks := workload.ranks or 1) > (most := CPU_REFERENCE.partitioned_training.ranks or 1):
        raise Untestable(f"ranks={ranks} would share this processor's cores; speeds of {most} ranks are compared here")
    if workload.precision == "fp16" and workload.parallelism == "deepspeed" and not _has_native_fp16():
        raise Untestable("DeepSpeed refuses fp16 on a processor without native fp16 arithmetic, such as this one")
    if workload.link_mbit_per_second is not None and (reason := link.missing()):
        raise Untestable(reason)


@lru_cache(maxsize=1)
def _has_native_fp16() -> bool:
    """What DeepSpeed asks oneDNN, from what the kernel says of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_fp16" in text

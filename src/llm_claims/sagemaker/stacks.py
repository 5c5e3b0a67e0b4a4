"""The software stacks: today's, the document's of 2023, and that of an emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llm_claims.errors import Untestable
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.generation.defaults import CPU as CPU_GENERATION
from llm_claims.workloads.generation.defaults import GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.defaults import CPU as CPU_LOADING
from llm_claims.workloads.loading.defaults import LoadingDefaults
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.defaults import CPU as CPU_TRAINING
from llm_claims.workloads.training.defaults import TrainingDefaults, gpu_defaults
from llm_claims.workloads.training.workload import Training

StackName = Literal["current", "document"]

SMP = (
    "SageMaker's model parallelism library ended (version 1 in December 2023, version 2 is frozen at its image 2.8.0), "
    "and this suite has no program that trains with it"
)
_NO_FASTERTRANSFORMER = (
    "FasterTransformer was served, in images up to 0.24.0, by a handler and a checkpoint format of its own: this suite "
    "has no program for it, and its successor TensorRT-LLM is another engine"
)
_NO_KERNEL_INJECTION = "the gpu source measures DeepSpeed's kernel injection, with the package installed there"


@dataclass(frozen=True)
class Stack:
    """The images that serve and train, and what fills open fields.

    Parameters
    ----------
    serving
        Engine → image of endpoints (``REPOSITORY:TAG``).
    training
        The image of training jobs; ``None`` if the stack has none.
    untestable
        Engine, or "training" → the reason why this stack cannot run it.
    inference_ami
        The machine image (AMI) that the CUDA of the serving image needs; ``None`` for AWS's default.
    own_programs
        Whether the Python of the images is new enough for `llm_claims.workloads`.
    defaults
        Kind of workload → what fills its open fields.
    """

    name: StackName
    serving: Mapping[str, str]
    training: str | None
    untestable: Mapping[str, str]
    inference_ami: str | None
    own_programs: bool
    defaults: Mapping[str, Defaults[Any]]

    def check(self, workload: Workload) -> None:
        """Check that the stack can run a workload whose open fields are filled.

        Raises
        ------
        Untestable
            It cannot; the text is the reason.
        """
        if isinstance(workload, Training):
            if workload.parallelism == "smp":
                raise Untestable(SMP)
            if self.training is None:
                raise Untestable(self.untestable["training"])
            return
        if not isinstance(workload, Generation | Loading):
            raise Untestable(not_launched(workload))
        engine = workload.engine or ""
        if engine not in self.serving:
            raise Untestable(self.untestable.get(engine, f"no image of --stack {self.name} serves with {engine}"))


def not_launched(workload: Workload) -> str:
    """Say that workloads of this kind are not run on SageMaker."""
    return f"no program runs {workload.kind} on SageMaker: training, generation and loading can be run there"


_RANKS = 16
_GPUS = gpu_defaults(_RANKS)
_TRAINING = TrainingDefaults(
    fields=_GPUS.fields.model_copy(
        update={
            "transport": None,
            "rdma": False,
            # 81 micro-batches, four to a step: one is left over, as with the document's 591. That is 20 steps of its
            # 147: at 42 s a step the slowest run fits a job of half an hour.
            "samples": 1290,
            # The same part of all steps as in the document: 100 of 147.
            "warmup_steps": 14,
        }
    ),
    # Claims about losses need trained weights. The document's are gone, so a small model that is trained first stands
    # for them, on the same machines and with as many steps.
    pretrained=_GPUS.pretrained.model_copy(
        update={"samples": 5160, "gradient_accumulation": None, "warmup_steps": None}
    ),
    instance="p4d.24xlarge",
)


def _generation(engine: Literal["deepspeed", "transformers"]) -> Generation:
    return Generation(
        model="llama-7b",
        precision="bf16",
        engine=engine,
        api="pipeline",
        tensor_parallel_degree=1,
        input_tokens=10,
        new_tokens=128,
    )


def _defaults(generation: Generation) -> dict[str, Defaults[Any]]:
    return {
        "training": _TRAINING,
        "generation": GenerationDefaults(fields=generation, instance="g5.2xlarge"),
        "loading": LoadingDefaults(
            fields=Loading(model="llama-7b", precision="fp16", model_server=True, checkpoint="bin"),
            instance="g4dn.xlarge",
        ),
    }


_NO_DEEPSPEED = "LMI's images have had no DeepSpeed since 0.28: pass --stack document"
_LMI_NOW = "djl-inference:0.38.0-lmi29.0.0-cu130"
_LMI_2023 = "djl-inference:0.21.0-deepspeed0.8.0-cu117"

CURRENT = Stack(
    name="current",
    serving={"transformers": _LMI_NOW, "accelerate": _LMI_NOW},
    training="huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04",
    untestable={
        "deepspeed": _NO_DEEPSPEED,
        "deepspeed-kernel-injection": _NO_KERNEL_INJECTION,
        "fastertransformer": _NO_FASTERTRANSFORMER,
    },
    inference_ami="al2023-ami-sagemaker-inference-gpu-4-1",
    own_programs=True,
    defaults=_defaults(_generation("transformers")),
)
DOCUMENT = Stack(
    name="document",
    serving={"deepspeed": _LMI_2023, "accelerate": _LMI_2023},
    training=None,
    untestable={
        "training": (
            "the training images of 2023 have Python 3.8 to 3.10, and this suite's training program needs 3.11: "
            "pass --stack current"
        ),
        "transformers": "the document served with DeepSpeed and Accelerate: pass --stack current for transformers",
        "deepspeed-kernel-injection": _NO_KERNEL_INJECTION,
        "fastertransformer": _NO_FASTERTRANSFORMER,
    },
    inference_ami=None,
    own_programs=False,
    defaults=_defaults(_generation("deepspeed")),
)
# An emulator's figures do not count: its training runs have just enough steps to run every part of the program.
_SHORT = CPU_TRAINING.model_copy(
    update={
        "fields": CPU_TRAINING.fields.model_copy(update={"samples": 131, "warmup_steps": 4}),
        "partitioned": CPU_TRAINING.partitioned.model_copy(update={"samples": 61, "warmup_steps": 2}),
        "linked": CPU_TRAINING.linked.model_copy(update={"samples": 45, "warmup_steps": 1}),
    }
)
LOCAL = Stack(
    name="current",
    serving={"transformers": _LMI_NOW, "accelerate": _LMI_NOW, "deepspeed": _LMI_NOW},
    training=CURRENT.training,
    untestable={"deepspeed-kernel-injection": _NO_KERNEL_INJECTION, "fastertransformer": _NO_FASTERTRANSFORMER},
    inference_ami=None,
    own_programs=True,
    defaults={"training": _SHORT, "generation": CPU_GENERATION, "loading": CPU_LOADING},
)
STACKS: Mapping[StackName, Stack] = {"current": CURRENT, "document": DOCUMENT}

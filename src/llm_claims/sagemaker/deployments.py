"""The job or endpoint that measures a workload: its machines, image and program."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any, Literal

from llm_claims.document.instances import InstanceTable
from llm_claims.errors import Untestable
from llm_claims.sagemaker.stacks import Stack
from llm_claims.sources.base import Placed
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.shown import count
from llm_claims.workloads.training.workload import Training

Program = Literal["train", "generate", "load", "document"]

# With RDMA, only the provider is named: today's libraries then use RDMA by themselves, and abort if a variable demands
# of a device what it does not have. Without, RDMA by the network card and copies between card and GPU are switched off.
EFA_WITH_RDMA = {"FI_PROVIDER": "efa"}
EFA_WITHOUT_RDMA = {"FI_EFA_USE_DEVICE_RDMA": "0", "NCCL_NET_GDR_LEVEL": "LOC"}
NCCL_LOGGING = {"NCCL_DEBUG": "INFO", "NCCL_DEBUG_SUBSYS": "INIT,NET"}


@dataclass(frozen=True)
class Deployment:
    """Machines, image and program of a job or endpoint. Workloads with equal deployments share a launch.

    Parameters
    ----------
    stack
        The name of the software stack.
    image
        ``REPOSITORY:TAG``.
    instance, count
        The instance type, without ``ml.``, and the number of machines.
    program_fields
        The fields of the workload that the program is started with. Other fields may differ from request to request.
    environment
        Further environment variables, for libraries.
    gpus
        The GPUs of each machine.
    """

    kind: Literal["job", "endpoint"]
    stack: str
    image: str
    instance: str
    count: int
    program: Program
    program_fields: tuple[tuple[str, Any], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    gpus: int = 1

    @property
    def key(self) -> str:
        """Identifier of this deployment; the same in every process of a run."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """The label in the names of its resources, such as ``serve-g5-2xlarge``."""
        verb = {"train": "train", "generate": "serve", "load": "load", "document": "serve"}[self.program]
        return f"{verb}-{self.instance.removeprefix('ml.').replace('.', '-')}"

    def describe(self) -> str:
        """Return one line of text: the program, what it is started with, and whether RDMA is on."""
        words: list[str] = [self.program, *filter(None, starmap(_field_words, self.program_fields))]
        if EFA_WITH_RDMA.items() <= dict(self.environment).items():
            words.append("with RDMA")
        if EFA_WITHOUT_RDMA.items() <= dict(self.environment).items():
            words.append("without RDMA")
        return " ".join(words)


def _field_words(name: str, value: Any) -> str:
    """Return the words for a field that a program is started with: names and types speak for themselves."""
    if name == "tensor_parallel_degree":
        return f"on {count(int(value), 'GPU')}"
    if name in ("device_map", "low_cpu_mem_usage"):
        return "" if value is None else f"{name}={value}"
    return "" if value is None else str(value)


def deployment_of(placed: Placed, stack: Stack, table: InstanceTable, *, emulated: bool = False) -> Deployment:
    """Return the deployment that measures a placed workload; ``emulated``, one on this machine's processor.

    Raises
    ------
    Untestable
        The stack or the instance type cannot run it.
    """
    # A workload that is placed on an emulator has no instance type; AWS's calls need one.
    instance = placed.instance or "g5.2xlarge"
    deployment = _deployment_on(instance, placed.workload, stack, table, emulated=emulated)
    return replace(deployment, gpus=table[instance].gpus)


def _deployment_on(
    instance: str, workload: Workload, stack: Stack, table: InstanceTable, *, emulated: bool
) -> Deployment:
    stack.check(workload)
    if isinstance(workload, Training):
        return _training_deployment(workload, instance, stack, table, emulated=emulated)
    assert isinstance(workload, Generation | Loading), "checked by the stack"
    image = stack.serving[workload.engine or ""]
    # On AWS, loading is measured by the program for the images of 2023, also in today's images.
    own_program = stack.own_programs and (emulated or isinstance(workload, Generation))
    if isinstance(workload, Generation):
        degree = workload.tensor_parallel_degree or 1
        if not emulated and degree > table[instance].gpus:
            raise Untestable(
                f"tensor_parallel_degree={degree} needs as many GPUs; ml.{instance} has {table[instance].gpus}"
            )
        program: Program = "generate" if own_program else "document"
        return Deployment("endpoint", stack.name, image, instance, 1, program, _served_fields(workload))
    # A model server is resident only on an endpoint.
    kind: Literal["job", "endpoint"] = "endpoint" if workload.model_server else "job"
    if own_program:
        return Deployment(kind, stack.name, image, instance, 1, "load")
    return Deployment(kind, stack.name, image, instance, 1, "document", _loaded_fields(workload))


def _served_fields(workload: Generation) -> tuple[tuple[str, Any], ...]:
    device_map = "auto" if workload.engine == "accelerate" else None
    return (
        ("model", workload.model),
        ("precision", workload.precision),
        ("engine", workload.engine),
        ("tensor_parallel_degree", workload.tensor_parallel_degree or 1),
        ("device_map", device_map),
    )


def _loaded_fields(workload: Loading) -> tuple[tuple[str, Any], ...]:
    fields = [
        ("model", workload.model),
        ("precision", workload.precision),
        ("engine", workload.engine),
        ("tensor_parallel_degree", 1),
        ("device_map", workload.device_map),
    ]
    # Left out if it is open, so that the endpoint can be shared with generation.
    if workload.low_cpu_mem_usage is not None:
        fields.append(("low_cpu_mem_usage", workload.low_cpu_mem_usage))
    return tuple(fields)


def _training_deployment(
    workload: Training, instance: str, stack: Stack, table: InstanceTable, *, emulated: bool
) -> Deployment:
    """Return the job that trains: as many machines as its ranks need GPUs, with RDMA between them switched as asked."""
    assert stack.training is not None, "checked by the stack"
    if emulated:
        return Deployment("job", stack.name, stack.training, instance, 1, "train")
    machine = table[instance]
    count = math.ceil((workload.ranks or 1) / machine.gpus)
    if workload.transport is not None:
        raise Untestable(
            f"transport={workload.transport} is between GPUs of one machine, and is measured by the gpu source"
        )
    if workload.rdma is not None and count == 1:
        raise Untestable(f"ranks={workload.ranks} fit on one ml.{instance}: there is no RDMA between machines")
    environment: dict[str, str] = {}
    if count > 1:
        environment = dict(NCCL_LOGGING)
    if workload.rdma is not None:
        if workload.rdma and not machine.gpudirect_rdma:
            raise Untestable(f"RDMA over EFA needs GPUDirect RDMA, which ml.{instance} does not have")
        environment |= EFA_WITH_RDMA if workload.rdma else EFA_WITHOUT_RDMA
    variables = tuple(sorted(environment.items()))
    return Deployment("job", stack.name, stack.training, instance, count, "train", environment=variables)

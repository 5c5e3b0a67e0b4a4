"""What has to run for a workload to be measured: a training job, or an endpoint that serves many workloads."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any, Literal

from llm_claims.document.instances import InstanceTable
from llm_claims.errors import Untestable
from llm_claims.sagemaker.stacks import Stack
from llm_claims.sources.base import Placed
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

Kind = Literal["job", "endpoint"]
Program = Literal["train", "generate", "load", "document"]

# Off: no RDMA reads by the device, and no copies between card and GPU that pass the host by. On: nothing but the
# provider: today's libraries turn RDMA on by themselves, and abort where a device is told to have what it lacks.
EFA_WITH_RDMA = {"FI_PROVIDER": "efa"}
EFA_WITHOUT_RDMA = {"FI_EFA_USE_DEVICE_RDMA": "0", "NCCL_NET_GDR_LEVEL": "LOC"}
NCCL_TELLS = {"NCCL_DEBUG": "INFO", "NCCL_DEBUG_SUBSYS": "INIT,NET"}


@dataclass(frozen=True)
class Deployment:
    """One configuration of machines, image and program; equal ones are one.

    ``held`` are the fields that the program is started with; a workload that differs in them needs another deployment.
    ``environment`` is what libraries are steered by.
    """

    kind: Kind
    stack: str
    image: str
    instance: str
    count: int
    program: Program
    held: tuple[tuple[str, Any], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Name of this deployment in every process of a run."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """A part of the names of its resources."""
        verb = {"train": "train", "generate": "serve", "load": "load", "document": "serve"}[self.program]
        return f"{verb}-{self.instance.removeprefix('ml.').replace('.', '-')}"

    def describe(self) -> str:
        """One line for people."""
        held = " ".join(f"{value}" for _, value in self.held if value is not None)
        rdma = {EFA_WITH_RDMA["FI_PROVIDER"]: " with RDMA"}.get(dict(self.environment).get("FI_PROVIDER", ""), "")
        without = " without RDMA" if "FI_EFA_USE_DEVICE_RDMA" in dict(self.environment) else rdma
        return f"{self.program}{f' {held}' if held else ''}{without}"


def deployment_of(placed: Placed, stack: Stack, table: InstanceTable, *, emulated: bool = False) -> Deployment:
    """Return the deployment that measures a placed workload.

    Raises
    ------
    Untestable
        The stack or the instance type cannot run it.
    """
    workload = placed.workload
    stack.check(workload)
    instance = placed.instance or "g5.2xlarge"
    if isinstance(workload, Training):
        return _job(workload, instance, stack, table, emulated=emulated)
    assert isinstance(workload, Generation | Loading), "checked by the stack"
    image = stack.serving[workload.engine or ""]
    own = stack.own_programs and (emulated or isinstance(workload, Generation))
    if isinstance(workload, Generation):
        degree = workload.tensor_parallel_degree or 1
        if not emulated and degree > table[instance].gpus:
            raise Untestable(
                f"tensor_parallel_degree={degree} needs as many GPUs; ml.{instance} has {table[instance].gpus}"
            )
        return Deployment(
            "endpoint", stack.name, image, instance, 1, "generate" if own else "document", _served(workload)
        )
    kind: Kind = "endpoint" if workload.model_server else "job"
    # The package's own program takes any loading; the other is started with what it loads.
    held = () if own else _loaded(workload)
    return Deployment(kind, stack.name, image, instance, 1, "load" if own else "document", held)


def _served(workload: Generation) -> tuple[tuple[str, Any], ...]:
    device_map = "auto" if workload.engine == "accelerate" else None
    return (
        ("model", workload.model),
        ("precision", workload.precision),
        ("engine", workload.engine),
        ("tensor_parallel_degree", workload.tensor_parallel_degree or 1),
        ("device_map", device_map),
    )


def _loaded(workload: Loading) -> tuple[tuple[str, Any], ...]:
    held = [
        ("model", workload.model),
        ("precision", workload.precision),
        ("engine", workload.engine),
        ("tensor_parallel_degree", 1),
        ("device_map", workload.device_map),
    ]
    if workload.low_cpu_mem_usage is not None:
        held.append(("low_cpu_mem_usage", workload.low_cpu_mem_usage))
    return tuple(held)


def _job(workload: Training, instance: str, stack: Stack, table: InstanceTable, *, emulated: bool) -> Deployment:
    assert stack.training is not None, "checked by the stack"
    if emulated:
        return Deployment("job", stack.name, stack.training, instance, 1, "train")
    kind = table[instance]
    count = math.ceil((workload.ranks or 1) / kind.gpus)
    if workload.transport is not None:
        raise Untestable(
            f"transport={workload.transport} joins GPUs of one machine here; the gpu source compares those"
        )
    if workload.rdma is not None and count == 1:
        raise Untestable(f"ranks={workload.ranks} fit one ml.{instance}: no RDMA between machines to switch on or off")
    environment: dict[str, str] = {}
    if count > 1:
        environment = dict(NCCL_TELLS)
    if workload.rdma is not None:
        if workload.rdma and not kind.gpudirect_rdma:
            raise Untestable(f"RDMA over EFA needs GPUDirect RDMA, which ml.{instance} has not")
        environment |= EFA_WITH_RDMA if workload.rdma else EFA_WITHOUT_RDMA
    steered = tuple(sorted(environment.items()))
    return Deployment("job", stack.name, stack.training, instance, count, "train", environment=steered)

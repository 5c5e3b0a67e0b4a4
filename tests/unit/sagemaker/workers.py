"""A launcher without AWS: the real code of containers runs here, around a program that says what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from builders import FIXTURES, witness_of

from llm_claims.document.instances import InstanceTable, read_instances
from llm_claims.sagemaker.containers.log_lines import lines_of
from llm_claims.sagemaker.containers.pipe import ProgramEnded
from llm_claims.sagemaker.containers.service import Service
from llm_claims.sagemaker.execution import ContainerSettings
from llm_claims.sagemaker.launches import Launch, PlacedRequest
from llm_claims.sagemaker.specs import EndpointSpec, JobResult, TrainingSpec
from llm_claims.sources.base import Placed
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.protocol import Request
from llm_claims.workloads.training.workload import Training

Json = dict[str, Any]
SOCKET = "NCCL INFO Channel 00/0 : 0[0] -> 8[0] [send] via NET/Socket/0"
READY: Json = {"hardware": "1 x A10G", "software": {"torch": "2.13.0"}, "setup_seconds": 1.0}
SETTINGS = ContainerSettings(
    lambda image: f"registry/{image}", device="cuda", warm_up=True, inference_ami=None, collect_seconds=0.0
)


def table() -> InstanceTable:
    """The instance table of the suite."""
    return read_instances(FIXTURES / "instances.json")


def answer(request: Json) -> Json:
    """What a sound program answers: the witness that the workload owes, and figures made of its seed."""
    asked = Request.model_validate(request)
    workload = asked.workload
    # Loading looks at no device.
    seen = witness_of(workload, device=None if isinstance(workload, Loading) else "cuda")
    metrics: Json = {}
    if isinstance(workload, Generation):
        seen = seen.model_copy(update={"forward_batch_sizes": (workload.batch_size or 1,)})
        metrics = {
            "latency_seconds": 99.0,
            "new_tokens_per_sequence": workload.new_tokens,
            "largest_forward_batch": workload.batch_size or 1,
        }
    elif isinstance(workload, Training):
        # A program does not know what carried its messages: its log does.
        seen = seen.model_copy(update={"rdma": None, "initial_weights": workload.initial_weights})
        metrics = {
            "train_loss": asked.seed / 1000,
            "train_runtime_seconds": 10.0 + asked.seed / 1000,
            "optimizer_steps": 20,
        }
    elif isinstance(workload, Loading):
        metrics = {"peak_host_memory_bytes": 1e9 + asked.seed}
    return {"metrics": metrics, "witness": json.loads(seen.model_dump_json(exclude_none=True))}


@dataclass
class FakePipe:
    """In place of `Pipe`: the program is a function."""

    program: Callable[[Json], Json]
    asked: list[Json]

    def ready(self) -> Json:
        return READY

    def ask(self, request: Mapping[str, Any]) -> Json:
        self.asked.append(dict(request))
        told = self.program(dict(request))
        if "dies" in told:
            raise ProgramEnded(told["dies"])
        return told


@dataclass
class FakeEndpoint:
    """An endpoint: bodies go to the real service."""

    service: Service
    spec: EndpointSpec
    image_digest: str | None = "sha256:0"
    garble: Callable[[bytes], bytes] = bytes

    @property
    def instance_type(self) -> str:
        return self.spec.instance_type

    def invoke(self, body: bytes, timeout_seconds: float) -> bytes:
        return self.garble(json.dumps(self.service.answer(json.loads(body))).encode())

    def lines(self) -> list[str]:
        return []


@dataclass
class FakeLauncher:
    """``refusal`` is raised in place of a launch; ``between`` are lines of the log beside each answer.

    ``digest`` is that of the image; ``garble`` changes what an endpoint replies.
    """

    program: Callable[[Json], Json] = answer
    refusal: Exception | None = None
    between: tuple[str, ...] = (SOCKET,)
    end: Json = field(default_factory=dict)
    drop: int = 0
    digest: str | None = "sha256:0"
    garble: Callable[[bytes], bytes] = bytes
    jobs: list[TrainingSpec] = field(default_factory=list)
    endpoints: list[EndpointSpec] = field(default_factory=list)
    asked: list[Json] = field(default_factory=list)
    open: int = 0

    def train(
        self, spec: TrainingSpec, *, on_line: Callable[[str, str], None], heard_all: Callable[[], bool] = lambda: True
    ) -> JobResult:
        self.jobs.append(spec)
        if self.refusal:
            raise self.refusal
        text = (spec.source / "requests.jsonl").read_text(encoding="utf-8")
        messages: list[Json] = [{"ready": READY}]
        for request in map(json.loads, text.splitlines()):
            self.asked.append(request)
            messages += [{"begins": request}, {"request": request, "answer": self.program(request)}]
        for number, message in enumerate(messages[: len(messages) - self.drop], start=1):
            if "answer" in message:
                for line in self.between:
                    on_line("algo-1", line)
            for line in lines_of(number, message):
                on_line("algo-1", line)
        end = {"status": "Completed", "failure": None, "lines": ("bye",), "billable_seconds": 600.0, **self.end}
        return JobResult(
            instance_type=spec.instance_type, instance_count=spec.instance_count, image_digest=self.digest, **end
        )

    @contextmanager
    def serving(self, spec: EndpointSpec) -> Iterator[FakeEndpoint]:
        assert spec.archive.is_file()
        self.endpoints.append(spec)
        if self.refusal:
            raise self.refusal
        self.open += 1
        pipe: Any = FakePipe(self.program, self.asked)
        try:
            yield FakeEndpoint(Service(pipe), spec, self.digest, self.garble)
        finally:
            self.open -= 1


def generation(**fields: Any) -> Generation:
    """A filled request."""
    filled = {"model": "llama-7b", "precision": "bf16", "engine": "transformers", "api": "pipeline"}
    sizes = {"tensor_parallel_degree": 1, "input_tokens": 10, "new_tokens": 64}
    return Generation(**{**filled, **sizes, **fields})


def training(**fields: Any) -> Training:
    """A filled run on 16 GPUs."""
    filled = {"model": "llama-7b", "precision": "bf16", "parallelism": "deepspeed", "zero_stage": 1, "ranks": 16}
    sizes = {"samples": 1290, "context_tokens": 1536, "micro_batch": 1, "gradient_accumulation": 4}
    return Training(**{**filled, **sizes, **fields})


def launch_of(launch: Launch, *placed: Placed, rounds: int = 1) -> Launch:
    """The same deployment, asked something else."""
    return Launch(
        launch.deployment, tuple(PlacedRequest(one, number) for number in range(1, rounds + 1) for one in placed)
    )

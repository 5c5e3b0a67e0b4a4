"""Asking what is launched: every request of a launch, and its answer."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from llm_claims.sagemaker.containers.bundle import write_archive, write_job_source
from llm_claims.sagemaker.durations import ENDPOINT_START_SECONDS, MOST_JOB_SECONDS
from llm_claims.sagemaker.errors import CloudError, EndpointError
from llm_claims.sagemaker.job_log import JobLog
from llm_claims.sagemaker.launches import Asked, Launch
from llm_claims.sagemaker.messages import answer_of, body_of, outcome_of_log, ready_of, request_of
from llm_claims.sagemaker.specs import Endpoint, EndpointSpec, JobEnd, TrainingSpec
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.loading.workload import Loading, LoadingWitness
from llm_claims.workloads.protocol import Answer, Ready

COLLECT_SECONDS = 5.0


class Launches(Protocol):
    """What `llm_claims.sagemaker.launcher.Launcher` offers to those who ask."""

    def train(self, spec: TrainingSpec, *, on_line: Callable[[str, str], None]) -> JobEnd:
        """Run a job to its end."""

    def serving(self, spec: EndpointSpec) -> Any:
        """Serve an endpoint as long as the context lasts."""


@dataclass(frozen=True)
class Terms:
    """How this run's containers are started and asked.

    ``device`` is where programs run; ``warm_up`` whether a workload's first request on an endpoint goes uncounted.
    """

    registry: Callable[[str], str]
    device: str
    warm_up: bool
    inference_ami: str | None
    request_seconds: float = 60.0
    lifetime_seconds: int = 3 * 3600
    start_up_seconds: int = int(2.5 * ENDPOINT_START_SECONDS)
    job_seconds: int = MOST_JOB_SECONDS
    collect_seconds: float = COLLECT_SECONDS


@dataclass(frozen=True)
class Heard:
    """One answer, from where it came, and what the program said of itself when it stood."""

    asked: Asked
    ready: Ready
    answer: Answer
    instance_type: str
    instance_count: int
    image_digest: str | None


@dataclass
class Visit:
    """One launch: ``on_heard`` is called with each answer as it comes; the seconds that were billed are returned."""

    launch: Launch
    launcher: Launches
    terms: Terms
    on_heard: Callable[[Heard], None]
    on_request: Callable[[Asked], None] = lambda _: None
    _ended: set[str] = field(default_factory=set)
    _warm: set[str] = field(default_factory=set)

    def make(self) -> float:
        """Launch, ask, and end what was launched.

        Raises
        ------
        NoCapacity
            AWS has no quota or no machine.
        CloudError
            Anything else that went wrong; answers that came before count.
        """
        return self._job() if self.launch.deployment.kind == "job" else self._endpoint()

    # A job: its requests travel with it, its answers are in its log

    def _job(self) -> float:
        deployment = self.launch.deployment
        log = JobLog(self.launch)
        with tempfile.TemporaryDirectory(prefix="llm-claims-") as folder:
            write_job_source(Path(folder), deployment.program, map(request_of, self.launch.asked))
            spec = TrainingSpec(
                label=deployment.label,
                image=self.terms.registry(deployment.image),
                instance_type=f"ml.{deployment.instance}",
                instance_count=deployment.count,
                source=Path(folder),
                command="python3 runner.py",
                environment=self._environment(),
                max_runtime_seconds=self.terms.job_seconds,
            )
            end = self.launcher.train(spec, on_line=log.hear)
        for asked, ready, answer in log.answers:
            self.on_heard(Heard(asked, ready, answer, end.instance_type, end.instance_count, end.image_digest))
        if missing := len(self.launch.asked) - len(log.answers):
            raise CloudError(f"{missing} of {len(self.launch.asked)} requests have no answer: {_end_of(end, log)}")
        return end.billable_seconds

    def _environment(self) -> dict[str, str]:
        deployment = self.launch.deployment
        return {
            "LLM_CLAIMS_PROGRAM": deployment.program,
            "LLM_CLAIMS_DEVICE": self.terms.device,
            "LLM_CLAIMS_DEPLOYMENT": json.dumps({name: value for name, value in deployment.held if value is not None}),
            # DeepSpeed imports mlflow where it is installed, and that Arrow, whose allocator starts a thread: a process
            # with threads cannot be forked.
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
            **dict(deployment.environment),
        }

    # An endpoint: asked one request at a time, timed by the clock here

    def _endpoint(self) -> float:
        deployment, started = self.launch.deployment, time.monotonic()
        with tempfile.TemporaryDirectory(prefix="llm-claims-") as folder:
            archive = Path(folder) / "model.tar.gz"
            write_archive(archive, deployment.program, deployment.stack)
            spec = EndpointSpec(
                label=deployment.label,
                image=self.terms.registry(deployment.image),
                instance_type=f"ml.{deployment.instance}",
                archive=archive,
                environment=self._environment(),
                start_up_seconds=self.terms.start_up_seconds,
                lifetime_seconds=self.terms.lifetime_seconds,
                inference_ami=self.terms.inference_ami,
            )
            try:
                with self.launcher.serving(spec) as endpoint:
                    self._ask_all(endpoint)
            except EndpointError as error:
                self._make_sense_of(error)
        return time.monotonic() - started

    def _ask_all(self, endpoint: Endpoint) -> None:
        told = self._say(endpoint, {"say": "ready"})
        ready = ready_of(told.get("ready"), self.launch)
        for asked in self.launch.asked:
            if asked.placed.key in self._ended:
                continue
            self.on_request(asked)
            answer = answer_of(told["answer"], asked) if "answer" in told else self._answered(endpoint, asked)
            if answer.outcome.kind != "completed":
                self._ended.add(asked.placed.key)
            self.on_heard(Heard(asked, ready, answer, endpoint.instance_type, 1, endpoint.image_digest))

    def _answered(self, endpoint: Endpoint, asked: Asked) -> Answer:
        if not isinstance(asked.placed.workload, Generation):
            return self._collected(endpoint, asked)
        if asked.placed.key not in self._warm and self.terms.warm_up:
            self._warm.add(asked.placed.key)
            first = self._collected(endpoint, asked)
            if first.outcome.kind != "completed":
                return first
        start = time.perf_counter()
        told = self._say(endpoint, {"ask": body_of(request_of(asked))})
        seconds = time.perf_counter() - start
        answer = answer_of(told.get("answer"), asked)
        if answer.outcome.kind != "completed":
            return answer
        if isinstance(answer.witness, GenerationWitness) and answer.witness.calls is not None:
            raise CloudError(
                f"the program made {answer.witness.calls} calls for one request: its time is not that of one"
            )
        return answer.model_copy(update={"metrics": {**answer.metrics, "latency_seconds": seconds}})

    def _collected(self, endpoint: Endpoint, asked: Asked) -> Answer:
        """Begin a request and come back for its answer: it may take longer than an invocation may."""
        request = body_of(request_of(asked))
        self._say(endpoint, {"begin": request})
        deadline = time.monotonic() + self.terms.start_up_seconds
        while time.monotonic() < deadline:
            told = self._say(endpoint, {"collect": request["round"]})
            if "answer" in told:
                return answer_of(told["answer"], asked)
            if not told.get("running"):
                break
            time.sleep(self.terms.collect_seconds)
        raise CloudError(f"the endpoint never finished round {request['round']}: {told!r:.200}")

    def _say(self, endpoint: Endpoint, body: Mapping[str, Any]) -> dict[str, Any]:
        told = json.loads(endpoint.invoke(json.dumps(body).encode(), self.terms.request_seconds))
        if not isinstance(told, dict):
            raise CloudError(f"the endpoint answered something else than an object: {told!r:.200}")
        return told

    def _make_sense_of(self, error: EndpointError) -> None:
        """Where an endpoint did not come up, or died, for want of memory, record that for every pending request."""
        outcome = outcome_of_log(str(error))
        if outcome is None:
            raise error
        ready = ready_of(None, self.launch)
        server = True if "ModelServer" in str(error) or "djl" in str(error).lower() else None
        for asked in {one.placed.key: one for one in reversed(self.launch.asked)}.values():
            if asked.placed.key not in self._ended:
                workload = asked.placed.workload
                loads = isinstance(workload, Loading)
                witness = LoadingWitness(model_server=server) if loads else type(workload).Witness()
                answer = Answer(outcome=outcome, witness=witness)
                self.on_heard(Heard(asked, ready, answer, f"ml.{self.launch.deployment.instance}", 1, None))


def _end_of(end: JobEnd, log: JobLog) -> str:
    last = "; ".join(end.lines[-5:])
    return log.fault or end.failure or f"the job ended {end.status}; its last lines: {last}"

"""Carries out a launch: sends its requests to a job or an endpoint, and receives the answers."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_claims.sagemaker.containers.bundle import write_archive, write_job_source
from llm_claims.sagemaker.durations import ENDPOINT_START_SECONDS, MOST_ENDPOINT_SECONDS, MOST_JOB_SECONDS
from llm_claims.sagemaker.errors import CloudError, EndpointError, RequestRefused
from llm_claims.sagemaker.in_service import InService
from llm_claims.sagemaker.job_log import JobLog
from llm_claims.sagemaker.launcher import Launcher
from llm_claims.sagemaker.launches import Launch, PlacedRequest
from llm_claims.sagemaker.messages import body_of, message_of, out_of_memory_in, parse_answer, parse_ready
from llm_claims.sagemaker.specs import EndpointSpec, JobResult, TrainingSpec
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.loading.workload import Loading, LoadingWitness
from llm_claims.workloads.protocol import Answer, Ready

_FAILURES = 3
"""How many calls of an endpoint may be refused for one request, or fail while its answer is collected."""


@dataclass(frozen=True)
class ContainerSettings:
    """How the containers of a run are started and asked. All times are in seconds.

    Parameters
    ----------
    image_address
        ``REPOSITORY:TAG`` → the address of that image.
    device
        The device that programs run on: ``cpu`` or ``cuda``.
    warm_up
        Whether each workload is sent to an endpoint once, uncounted, before its first timed request.
    inference_ami
        The machine image of endpoints; None for AWS's default.
    request_seconds
        The time limit of one call of an endpoint.
    lifetime_seconds
        After this time a schedule deletes an endpoint.
    start_up_seconds
        The time limit for an endpoint to come into service, and for a request that is not timed.
    job_seconds
        The time limit of a job.
    collect_seconds
        The interval at which an endpoint is asked for the answer to a request that is not timed.
    """

    image_address: Callable[[str], str]
    device: str
    warm_up: bool
    inference_ami: str | None
    request_seconds: float = 60.0
    lifetime_seconds: int = MOST_ENDPOINT_SECONDS
    start_up_seconds: int = int(2.5 * ENDPOINT_START_SECONDS)
    job_seconds: int = MOST_JOB_SECONDS
    collect_seconds: float = 5.0


@dataclass(frozen=True)
class ReceivedAnswer:
    """The answer to a request, what the program said when it was ready, and the machines and image it ran on."""

    request: PlacedRequest
    ready: Ready
    answer: Answer
    instance_type: str
    instance_count: int
    image_digest: str | None


@dataclass
class Execution:
    """Carries out one launch.

    ``on_request`` is called before each request to an endpoint, ``on_raw`` with each message of the container before it
    is read, ``on_answer`` with each answer.
    """

    launch: Launch
    launcher: Launcher
    settings: ContainerSettings
    on_answer: Callable[[ReceivedAnswer], None]
    on_request: Callable[[PlacedRequest], None] = lambda _: None
    on_raw: Callable[[str], None] = lambda _: None
    _failed: set[str] = field(default_factory=set)  # keys of placed workloads that did not complete
    _warm: set[str] = field(default_factory=set)  # keys of placed workloads that were warmed up

    def run(self) -> float | None:
        """Launch the job or endpoint, send its requests, end it; return the billed seconds of each machine, if known.

        Raises
        ------
        NoCapacity
            AWS has no quota or no machine.
        CloudError
            Anything else failed. The answers that `on_answer` has received stay valid.
        """
        return self._run_job() if self.launch.deployment.kind == "job" else self._run_endpoint()

    # A job: its requests are part of its source code, its answers are in its log

    def _run_job(self) -> float | None:
        deployment, requests = self.launch.deployment, self.launch.requests
        log = JobLog(self.launch, self.on_raw)
        with tempfile.TemporaryDirectory(prefix="llm-claims-") as folder:
            write_job_source(Path(folder), deployment.program, map(message_of, requests))
            spec = TrainingSpec(
                label=deployment.label,
                image=self.settings.image_address(deployment.image),
                instance_type=f"ml.{deployment.instance}",
                instance_count=deployment.count,
                source=Path(folder),
                command="python3 runner.py",
                environment=self._environment(),
                max_runtime_seconds=self.settings.job_seconds,
            )
            job = self.launcher.train(spec, on_line=log.read_line, heard_all=lambda: log.complete)
        for request, ready, answer in log.answers:
            self.on_answer(
                ReceivedAnswer(request, ready, answer, job.instance_type, job.instance_count, job.image_digest)
            )
        if missing := len(requests) - len(log.answers):
            raise CloudError(f"{missing} of {len(requests)} requests have no answer: {_reason(job, log)}")
        return job.billable_seconds

    def _environment(self) -> dict[str, str]:
        """Return the environment variables of the container."""
        deployment = self.launch.deployment
        fields = {name: value for name, value in deployment.program_fields if value is not None}
        return {
            "LLM_CLAIMS_PROGRAM": deployment.program,
            "LLM_CLAIMS_DEVICE": self.settings.device,
            "LLM_CLAIMS_DEPLOYMENT": json.dumps(fields),
            # DeepSpeed imports mlflow if it is installed, and that imports Arrow, whose allocator starts a thread: a
            # process with threads cannot be forked.
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
            **dict(deployment.environment),
        }

    # An endpoint: it is asked one request at a time, timed by this machine's clock

    def _run_endpoint(self) -> float:
        deployment, started = self.launch.deployment, time.monotonic()
        with tempfile.TemporaryDirectory(prefix="llm-claims-") as folder:
            archive = Path(folder) / "model.tar.gz"
            write_archive(archive, deployment.program, deployment.stack, deployment.gpus)
            spec = EndpointSpec(
                label=deployment.label,
                image=self.settings.image_address(deployment.image),
                instance_type=f"ml.{deployment.instance}",
                archive=archive,
                environment=self._environment(),
                start_up_seconds=self.settings.start_up_seconds,
                lifetime_seconds=self.settings.lifetime_seconds,
                inference_ami=self.settings.inference_ami,
            )
            try:
                with self.launcher.serving(spec) as endpoint:
                    self._ask_all(endpoint)
            except EndpointError as error:
                self._record_out_of_memory(error)
        return time.monotonic() - started

    def _ask_all(self, endpoint: InService) -> None:
        """Send every request; after a request that did not complete, skip the further ones of its workload."""
        reply, _ = self._timed(endpoint, {"say": "ready"})
        ready = parse_ready(reply.get("ready"), self.launch)
        for request in self.launch.requests:
            if request.placed.key in self._failed:
                continue
            self.on_request(request)
            # A program that died before it was ready has one answer to all requests.
            answer = parse_answer(reply["answer"], request) if "answer" in reply else self._ask(endpoint, request)
            if answer.outcome.kind != "completed":
                self._failed.add(request.placed.key)
            self.on_answer(ReceivedAnswer(request, ready, answer, endpoint.instance_type, 1, endpoint.image_digest))

    def _ask(self, endpoint: InService, request: PlacedRequest) -> Answer:
        """Send a request and return its answer: for generation with the latency that was measured here."""
        if not isinstance(request.placed.workload, Generation):
            return self._begin_and_collect(endpoint, request)
        if request.placed.key not in self._warm and self.settings.warm_up:
            self._warm.add(request.placed.key)
            first = self._begin_and_collect(endpoint, request)
            if first.outcome.kind != "completed":
                return first
        reply, seconds = self._timed(endpoint, {"ask": body_of(request)})
        answer = parse_answer(reply.get("answer"), request)
        if answer.outcome.kind != "completed":
            return answer
        if isinstance(answer.witness, GenerationWitness) and answer.witness.calls is not None:
            raise CloudError(
                f"the program made {answer.witness.calls} calls for one request: the latency of one was not measured"
            )
        return answer.model_copy(update={"metrics": {**answer.metrics, "latency_seconds": seconds}})

    def _timed(self, endpoint: InService, body: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """Call the endpoint; return its reply and the seconds of the call. What AWS refuses is sent and timed anew."""
        refused = 0
        while True:
            start = time.perf_counter()
            try:
                return self._send(endpoint, body), time.perf_counter() - start
            except RequestRefused:
                refused += 1
                if refused > _FAILURES:
                    raise
            time.sleep(self.settings.collect_seconds)

    def _begin_and_collect(self, endpoint: InService, request: PlacedRequest) -> Answer:
        """Send a request and poll for its answer: it may take longer than one call of an endpoint may last."""
        self._timed(endpoint, {"begin": body_of(request)})
        deadline = time.monotonic() + self.settings.start_up_seconds
        failed = 0
        while time.monotonic() < deadline:
            try:
                reply = self._send(endpoint, {"collect": request.round})
            except EndpointError:
                # The program works on; to ask once more changes nothing.
                failed += 1
                if failed > _FAILURES:
                    raise
                continue
            if "answer" in reply:
                return parse_answer(reply["answer"], request)
            if not reply.get("running"):
                break
            time.sleep(self.settings.collect_seconds)
        raise CloudError(f"the endpoint did not finish round {request.round}; its last reply: {reply!r:.200}")

    def _send(self, endpoint: InService, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call the endpoint with a JSON object, and return the JSON object that it replies."""
        text = endpoint.invoke(json.dumps(body).encode(), self.settings.request_seconds)
        self.on_raw(text.decode(errors="replace"))
        reply = json.loads(text)
        if not isinstance(reply, dict):
            raise CloudError(f"the endpoint's reply is not a JSON object: {reply!r:.200}")
        return reply

    def _record_out_of_memory(self, error: EndpointError) -> None:
        """Record "out of memory" for every pending workload if the endpoint's log says so; else raise the error."""
        outcome = out_of_memory_in(str(error))
        if outcome is None:
            raise error
        ready = parse_ready(None, self.launch)
        server = True if "ModelServer" in str(error) or "djl" in str(error).lower() else None
        first_requests = {one.placed.key: one for one in reversed(self.launch.requests)}
        for key, request in first_requests.items():
            if key not in self._failed:
                workload = request.placed.workload
                loads = isinstance(workload, Loading)
                witness = LoadingWitness(model_server=server) if loads else type(workload).Witness()
                answer = Answer(outcome=outcome, witness=witness)
                self.on_answer(ReceivedAnswer(request, ready, answer, f"ml.{self.launch.deployment.instance}", 1, None))


def _reason(job: JobResult, log: JobLog) -> str:
    """Say why a job has no answer to some requests."""
    last = "; ".join(job.lines[-5:])
    return log.fault or job.failure or f"the job ended {job.status}; its last lines: {last}"

from __future__ import annotations

import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from workers import READY, SETTINGS, SOCKET, FakeLauncher, Json, answer, generation, table, training

from llm_claims.sagemaker.containers.log_lines import lines_of
from llm_claims.sagemaker.deployments import deployment_of
from llm_claims.sagemaker.errors import CloudError, EndpointError, NoCapacity, RequestRefused
from llm_claims.sagemaker.execution import Execution, ReceivedAnswer
from llm_claims.sagemaker.job_log import JobLog
from llm_claims.sagemaker.launches import Launch, PlacedRequest
from llm_claims.sagemaker.specs import EndpointSpec
from llm_claims.sagemaker.stacks import CURRENT, DOCUMENT
from llm_claims.sources.base import Placed
from llm_claims.workloads.loading.workload import Loading

A, B = Placed(generation(), "g5.2xlarge"), Placed(generation(input_tokens=750), "g5.2xlarge")
RUN = Placed(training(), "p4d.24xlarge")
OFF = Placed(training(rdma=False), "p4d.24xlarge")
LOAD = Placed(
    Loading(model="llama-7b", precision="fp16", engine="deepspeed", model_server=True, checkpoint="bin"), "g4dn.xlarge"
)


def launch(*placed: Placed, rounds: int = 1) -> Launch:
    stack = DOCUMENT if placed[0] is LOAD else CURRENT
    requests = tuple(PlacedRequest(one, number) for number in range(1, rounds + 1) for one in placed)
    return Launch(deployment_of(placed[0], stack, table()), requests)


def executed(launch: Launch, launcher: Any, **settings: Any) -> list[ReceivedAnswer]:
    received: list[ReceivedAnswer] = []
    Execution(launch, launcher, replace(SETTINGS, **settings), received.append).run()
    return received


def test_an_endpoint_is_asked_in_order_by_the_clock_here() -> None:
    launcher = FakeLauncher()
    received = executed(launch(A, B, rounds=2), launcher, warm_up=False)
    assert [(one.request.placed, one.request.round) for one in received] == [(A, 1), (B, 1), (A, 2), (B, 2)]
    assert [request["seed"] for request in launcher.asked] == [1030, 1030, 1031, 1031]
    latencies = [one.answer.metrics["latency_seconds"] for one in received]
    assert all(isinstance(seconds, float) and 0 < seconds < 1 for seconds in latencies), "not the 99 s of the program"
    assert {(one.instance_type, one.image_digest) for one in received} == {("ml.g5.2xlarge", "sha256:0")}
    assert launcher.open == 0


def test_a_time_of_several_calls_is_refused() -> None:
    def calls_thrice(request: Json) -> Json:
        said = answer(request)
        return {**said, "witness": {**said["witness"], "calls": 3}}

    with pytest.raises(CloudError, match="made 3 calls for one request: the latency of one was not measured"):
        executed(launch(A), FakeLauncher(program=calls_thrice))


def test_the_first_request_of_each_workload_warms_up_and_is_not_counted() -> None:
    launcher = FakeLauncher()
    received = executed(launch(A, B, rounds=2), launcher)
    assert len(received) == 4
    assert len(launcher.asked) == 6


def test_later_rounds_of_another_launch_are_warmed_up_for_too() -> None:
    launcher = FakeLauncher()
    later = launch(A, rounds=3)
    received = executed(replace(later, requests=later.requests[1:]), launcher)
    assert [one.request.round for one in received] == [2, 3]
    assert len(launcher.asked) == 3


def test_what_an_endpoint_is_started_with() -> None:
    launcher = FakeLauncher()
    executed(launch(A), launcher)
    (spec,) = launcher.endpoints
    assert spec.image == "registry/djl-inference:0.38.0-lmi29.0.0-cu130"
    assert spec.environment["LLM_CLAIMS_PROGRAM"] == "generate"
    assert spec.environment["LLM_CLAIMS_DEVICE"] == "cuda"
    assert '"precision": "bf16"' in spec.environment["LLM_CLAIMS_DEPLOYMENT"]


def test_the_model_server_of_several_gpus_has_one_worker() -> None:
    seen: list[bytes] = []

    class Looks(FakeLauncher):
        def serving(self, spec: EndpointSpec) -> Any:
            with tarfile.open(spec.archive) as archive:
                seen.append(archive.extractfile("serving.properties").read())  # type: ignore[union-attr]
            return super().serving(spec)

    executed(launch(Placed(generation(engine="accelerate"), "g5.12xlarge")), Looks())
    assert b"option.tensor_parallel_degree=4\n" in seen[0]


def out_of_memory(request: Json) -> Json:
    outcome = {"kind": "out_of_memory", "signature": "OutOfMemoryError: CUDA out of memory"}
    return {"outcome": outcome, "witness": {"model_server": True}}


def test_a_workload_that_does_not_fit_is_asked_no_more() -> None:
    def one_does_not_fit(request: Json) -> Json:
        return out_of_memory(request) if request["workload"]["input_tokens"] == 750 else answer(request)

    received = executed(launch(A, B, rounds=3), FakeLauncher(program=one_does_not_fit))
    assert [one.answer.outcome.kind for one in received if one.request.placed == B] == ["out_of_memory"]
    assert [one.answer.outcome.kind for one in received if one.request.placed == A] == ["completed"] * 3


@pytest.mark.parametrize(("placed", "server"), [(LOAD, True), (A, None)], ids=["load", "request"])
def test_a_program_that_dies_over_a_request_has_answered(placed: Placed, server: bool | None) -> None:
    """A container tells whether a model server is there, which is nothing that requests are asked for."""

    def dies(request: Json) -> Json:
        return {"dies": out_of_memory(request)}

    (received,) = executed(launch(placed, rounds=3), FakeLauncher(program=dies))
    assert received.answer.outcome.kind == "out_of_memory"
    assert getattr(received.answer.witness, "model_server", None) is server


LOG = "endpoint failed: ping\nModelServer started\nOut of memory: Killed process 77 (python3)\nbye"


def test_an_endpoint_that_never_came_up_for_want_of_memory_is_an_outcome() -> None:
    received = executed(launch(LOAD, rounds=3), FakeLauncher(refusal=EndpointError(LOG)))
    assert [one.request.round for one in received] == [1]
    outcome = received[0].answer.outcome
    assert (outcome.kind, outcome.signature) == ("out_of_memory", "Out of memory: Killed process 77 (python3)")


def test_an_endpoint_that_never_came_up_for_another_reason_is_a_failure() -> None:
    with pytest.raises(EndpointError, match="no space left on device"):
        executed(launch(LOAD), FakeLauncher(refusal=EndpointError("no space left on device")))


def test_a_refusal_for_want_of_machines_is_passed_on() -> None:
    with pytest.raises(NoCapacity):
        executed(launch(A), FakeLauncher(refusal=NoCapacity("none")))


def test_a_job_answers_in_its_log() -> None:
    launcher = FakeLauncher()
    received = executed(launch(RUN, rounds=3), launcher)
    assert [one.answer.metrics["train_loss"] for one in received] == [1.030, 1.031, 1.032]
    assert {(one.instance_type, one.instance_count) for one in received} == {("ml.p4d.24xlarge", 2)}
    (spec,) = launcher.jobs
    assert (spec.command, spec.instance_count, spec.max_runtime_seconds) == ("python3 runner.py", 2, 1800)
    assert spec.environment["LLM_CLAIMS_PROGRAM"] == "train"
    assert spec.environment["NCCL_DEBUG"] == "INFO"


def test_a_job_is_billed_as_aws_says() -> None:
    assert Execution(launch(RUN), FakeLauncher(), SETTINGS, lambda _: None).run() == 600.0


def test_a_job_that_aws_says_nothing_more_of_keeps_its_answers() -> None:
    received: list[ReceivedAnswer] = []
    end = {"status": "Unknown", "failure": "looking at training job: throttled", "billable_seconds": None}
    assert Execution(launch(RUN, rounds=3), FakeLauncher(end=end), SETTINGS, received.append).run() is None
    assert len(received) == 3


@pytest.mark.parametrize(("refusals", "lost"), [(3, False), (4, True)])
def test_a_request_that_aws_refuses_is_sent_and_timed_anew(refusals: int, lost: bool) -> None:
    left = refusals

    @contextmanager
    def serving(spec: EndpointSpec) -> Iterator[Any]:
        with FakeLauncher.serving(launcher, spec) as endpoint:
            invoke = endpoint.invoke

            def refuse(body: bytes, timeout_seconds: float) -> bytes:
                nonlocal left
                if b'"ask"' in body and left:
                    left -= 1
                    raise RequestRefused("ThrottlingException")
                return invoke(body, timeout_seconds)

            endpoint.invoke = refuse
            yield endpoint

    launcher = FakeLauncher()
    launcher.serving = serving  # type: ignore[method-assign,assignment]
    if lost:
        with pytest.raises(RequestRefused):
            executed(launch(A), launcher, warm_up=False)
    else:
        started = time.perf_counter()
        (received,) = executed(launch(A), launcher, warm_up=False, collect_seconds=0.05)
        waited = refusals * 0.05
        assert received.answer.metrics["latency_seconds"] <= time.perf_counter() - started - waited
        assert len(launcher.asked) == 1


@pytest.mark.parametrize(("failures", "lost"), [(3, False), (4, True)])
def test_an_answer_is_collected_through_calls_that_fail(failures: int, lost: bool) -> None:
    """Each failure is of a call alone: the program works on."""
    left = failures

    def garble(body: bytes) -> bytes:
        nonlocal left
        if b"answer" in body and left:
            left -= 1
            raise EndpointError("connection reset")
        return body

    launcher = FakeLauncher(garble=garble)
    if lost:
        with pytest.raises(EndpointError):
            executed(launch(LOAD), launcher)
    else:
        assert len(executed(launch(LOAD), launcher)) == 1
        assert len(launcher.asked) == 1


@pytest.mark.parametrize(("between", "seen"), [((SOCKET,), False), ((), None)], ids=["sockets", "silent"])
def test_what_carried_the_messages_is_witnessed_by_the_log_alone(between: tuple[str, ...], seen: bool | None) -> None:
    (received,) = executed(launch(OFF), FakeLauncher(between=between))
    assert received.answer.witness is not None
    assert received.answer.witness.rdma is seen


def test_a_job_that_ends_early_keeps_its_answers_and_says_how_it_ended() -> None:
    received: list[ReceivedAnswer] = []
    launcher = FakeLauncher(drop=2, end={"status": "Failed", "failure": "AlgorithmError: exit code 1"})
    with pytest.raises(CloudError, match="1 of 3 requests have no answer: AlgorithmError: exit code 1"):
        Execution(launch(RUN, rounds=3), launcher, SETTINGS, received.append).run()
    assert [one.request.round for one in received] == [1, 2]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"colour": "blue"}, "colour: Extra inputs"),
        ({"outcome": {"kind": "completed"}, "witness": {"model_server": True}}, "witness.*model_server"),
        ({"outcome": {"kind": "failed"}, "witness": {}}, "outcome: .* needs the signature"),
        (["completed"], "Input should be an object"),
    ],
)
def test_an_answer_of_another_form_is_refused(said: Json, where: str) -> None:
    def says(request: Json) -> Json:
        return said

    with pytest.raises(CloudError, match=f"is not one of the protocol: .*{where}"):
        executed(launch(A), FakeLauncher(program=says))


@pytest.mark.parametrize(
    ("message", "damage", "fault"),
    [
        ({"ready": READY}, ("A10G", "H100"), "message 1 in the log is not as it was written"),
        (
            {"request": None, "answer": {"outcome": {"signature": "the program died while setting up"}}},
            ("", ""),
            "died",
        ),
    ],
)
def test_a_log_that_cannot_be_read_or_ends_before_the_program_stood_tells_its_fault(
    message: Json, damage: tuple[str, str], fault: str
) -> None:
    log = JobLog(launch(RUN))
    log.read_line("algo-2", "another host's word counts for nothing")
    for line in lines_of(1, message):
        log.read_line("algo-1", line.replace(*damage))
    assert log.answers == []
    assert fault in log.fault

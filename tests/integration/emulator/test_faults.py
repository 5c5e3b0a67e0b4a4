"""Faults happen to the calls they are meant for, as often as they are meant to."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.emulator.client import Emulator

from .requests import ended, settled, start_endpoint, start_job
from .test_endpoints import MODEL


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttling", "ThrottlingException", 400),
        ("internal", "InternalFailure", 500),
        ("unavailable", "ServiceUnavailable", 503),
        ("access_denied", "AccessDeniedException", 400),
        ("expired_token", "ExpiredTokenException", 403),
        ("quota", "ResourceLimitExceeded", 400),
        ("no_capacity", "ResourceLimitExceeded", 400),
    ],
)
def test_a_refusal_does_nothing(emulator: Emulator, kind: str, code: str, status: int) -> None:
    emulator.fault(kind, "CreateTrainingJob")
    sagemaker = emulator.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError) as caught:
        start_job(emulator, "job", "true")
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    [row] = emulator.calls("CreateTrainingJob")
    assert (row["faults"], row["error"], row["status"]) == ([kind], code, status)
    start_job(emulator, "job", "true")


def test_the_second_call_of_that_name_and_twice(emulator: Emulator) -> None:
    emulator.fault("throttling", "ListModels", nth=2, times=2)
    codes = []
    for _ in range(5):
        try:
            emulator.client("sagemaker").list_models()
            codes.append("ok")
        except emulator.client("sagemaker").exceptions.ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["ok", "ThrottlingException", "ThrottlingException", "ok", "ok"]


def test_a_fault_may_be_for_one_resource_and_for_ever(emulator: Emulator) -> None:
    sagemaker = emulator.client("sagemaker")
    emulator.fault("internal", "*", service="sagemaker", name="llm-claims-a", times=0)
    for name in ("llm-claims-a-1", "llm-claims-a-2"):
        with pytest.raises(sagemaker.exceptions.ClientError, match="InternalFailure"):
            sagemaker.describe_model(ModelName=name)
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find model"):
        sagemaker.describe_model(ModelName="llm-claims-b")
    emulator.clear_faults()
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find model"):
        sagemaker.describe_model(ModelName="llm-claims-a-1")


def test_a_lost_response_comes_after_the_effect(emulator: Emulator) -> None:
    from botocore.exceptions import ConnectionClosedError

    emulator.fault("lost_response", "CreateTrainingJob")
    with pytest.raises(ConnectionClosedError):
        start_job(emulator, "job", "true")
    assert ended(emulator, "job")["TrainingJobStatus"] == "Completed"


def test_a_retry_after_a_lost_response_meets_what_it_made(emulator: Emulator) -> None:
    import boto3
    from botocore.config import Config

    emulator.fault("lost_response", "CreateModel")
    retrying = boto3.client(
        "sagemaker",
        endpoint_url=emulator.url,
        region_name=emulator.region,
        config=Config(retries={"mode": "standard", "total_max_attempts": 2}),
        aws_access_key_id="emulated",
        aws_secret_access_key="emulated",
    )
    container = {"Image": "registry/image:1"}
    with pytest.raises(retrying.exceptions.ClientError, match="already existing model"):
        retrying.create_model(ModelName="m", ExecutionRoleArn=emulator.role, PrimaryContainer=container)
    assert [row["error"] for row in emulator.calls("CreateModel")] == [None, "ValidationException"]


def test_a_lost_request_has_no_effect(emulator: Emulator) -> None:
    from botocore.exceptions import ConnectionClosedError

    emulator.fault("lost_request", "PutObject")
    with pytest.raises(ConnectionClosedError):
        emulator.client("s3").put_object(Bucket=emulator.bucket, Key="k", Body=b"v")
    assert emulator.resources("object") == []


def test_want_of_machines_fails_the_job_and_the_endpoint_later(emulator: Emulator) -> None:
    emulator.fault("capacity", "CreateTrainingJob")
    emulator.fault("capacity", "CreateEndpoint")
    start_job(emulator, "job", "true")
    told = ended(emulator, "job")
    assert told["TrainingJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity")
    start_endpoint(emulator, "serve", MODEL)
    told = settled(emulator, "serve")
    assert told["EndpointStatus"] == "Failed"
    assert "InsufficientInstanceCapacity" in told["FailureReason"]
    assert emulator.billed() == []


def test_a_slow_answer_is_slow_after_the_effect(emulator: Emulator) -> None:
    emulator.fault("slow_response", "CreateTrainingJob", seconds=0.7)
    before = time.monotonic()
    start_job(emulator, "job", "true")
    assert time.monotonic() - before >= 0.7
    assert ended(emulator, "job")["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("service", "call"),
    [("s3", "list_buckets"), ("sts", "get_caller_identity"), ("iam", "list_roles"), ("scheduler", "list_schedules")],
)
def test_every_service_words_its_refusals_so_that_boto3_understands(
    emulator: Emulator, service: str, call: str
) -> None:
    emulator.fault("expired_token", times=0)
    client = emulator.client(service)
    with pytest.raises(client.exceptions.ClientError, match="ExpiredTokenException"):
        getattr(client, call)()


def test_faults_are_set_from_any_process(emulator: Emulator) -> None:
    program = (
        "import sys, urllib.request as u; "
        'u.urlopen(sys.argv[1] + \'/_emulator/faults\', data=b\'{"kind": "throttling", "operation": "ListModels"}\')'
    )
    subprocess.run([sys.executable, "-c", program, emulator.url], check=True, timeout=30)
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="Rate exceeded"):
        emulator.client("sagemaker").list_models()


@pytest.mark.parametrize("wrong", [{"kind": "nonsense"}, {"kind": "internal", "when": 3}])
def test_a_fault_that_is_not_known_is_refused(emulator: Emulator, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a fault has"):
        emulator.ask("POST", "faults", wrong)
    assert emulator.ask("GET", "faults") == []

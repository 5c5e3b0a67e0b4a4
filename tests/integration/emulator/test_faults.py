"""Faults happen to the calls they are meant for, as often as they are meant to."""

from __future__ import annotations

import pytest

from tests.emulator.client import Emulator


def test_a_refusal_is_for_the_calls_that_it_names_and_is_in_the_ledger(emulator: Emulator) -> None:
    emulator.fault("throttling", "ListModels", nth=2, times=2)
    emulator.fault("internal", "*", service="sagemaker", name="llm-claims-a", times=0)
    sagemaker = emulator.client("sagemaker")
    codes = []
    for _ in range(5):
        try:
            sagemaker.list_models()
            codes.append("ok")
        except sagemaker.exceptions.ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["ok", "ThrottlingException", "ThrottlingException", "ok", "ok"]
    assert [row["faults"] for row in emulator.calls("ListModels")] == [[], ["throttling"], ["throttling"], [], []]
    for name, words in (("llm-claims-a-1", "InternalFailure"), ("llm-claims-b", "Could not find model")):
        with pytest.raises(sagemaker.exceptions.ClientError, match=words):
            sagemaker.describe_model(ModelName=name)


@pytest.mark.parametrize(("kind", "made"), [("lost_request", 0), ("lost_response", 1)])
def test_what_is_lost_is_lost_before_or_after_the_effect(emulator: Emulator, kind: str, made: int) -> None:
    from botocore.exceptions import ConnectionClosedError

    emulator.fault(kind, "PutObject")
    with pytest.raises(ConnectionClosedError):
        emulator.client("s3").put_object(Bucket=emulator.bucket, Key="k", Body=b"v")
    assert len(emulator.resources("object")) == made


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


def test_lists_come_in_pages_of_ten(emulator: Emulator) -> None:
    """As SageMaker's do: who reads the first page alone finds out here."""
    sagemaker = emulator.client("sagemaker")
    for number in range(23):
        container = {"Image": "registry/image:1"}
        sagemaker.create_model(ModelName=f"m-{number}", ExecutionRoleArn=emulator.role, PrimaryContainer=container)
    assert len(sagemaker.list_models()["Models"]) == 10
    pages = sagemaker.get_paginator("list_models").paginate(NameContains="M-")
    assert len({row["ModelName"] for page in pages for row in page["Models"]}) == 23


@pytest.mark.parametrize("wrong", [{"kind": "nonsense"}, {"kind": "internal", "when": 3}])
def test_a_fault_that_is_not_known_is_refused(emulator: Emulator, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a fault has"):
        emulator.ask("POST", "faults", wrong)

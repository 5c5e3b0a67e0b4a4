"""What errors of AWS mean: missing, no capacity, or a fault to be told in words that give nothing away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import cloud_errors, create_once, if_exists, is_capacity_error, is_missing, steadily
from llm_claims.sagemaker.errors import CloudError, NoCapacity
from llm_claims.sagemaker.pace import Pace

ACCOUNT = Account("us-east-1", role="arn:aws:iam::210987654321:role/jobs", bucket="our-bucket")


def error(code: str, message: str = "") -> Exception:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateEndpoint")


def raising(what: Exception) -> Callable[[], Any]:
    def call() -> Any:
        raise what

    return call


@pytest.mark.parametrize(
    ("code", "message", "missing"),
    [
        ("ValidationException", 'Could not find endpoint "arn:aws:sagemaker:x".', True),
        ("ValidationException", "Requested resource not found.", True),
        ("ResourceNotFoundException", "", True),
        ("NoSuchBucket", "", True),
        ("NoSuchEntity", "", True),
        ("ValidationException", "Cannot update in-progress endpoint", False),
        ("AccessDeniedException", "not found, or you may not see it", False),
        ("ThrottlingException", "Rate exceeded", False),
    ],
)
def test_missing_is_what_aws_calls_missing(code: str, message: str, missing: bool) -> None:
    assert is_missing(error(code, message)) is missing


@pytest.mark.parametrize(
    "text",
    [
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different type.",
        "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.",
        "ResourceLimitExceeded The account-level service limit 'ml.p4d.24xlarge for endpoint usage' is 0 Instances",
    ],
)
def test_want_of_capacity_is_known_by_its_words(text: str) -> None:
    assert is_capacity_error(text)
    assert not is_capacity_error("AlgorithmError: exit code 1")


def test_a_failed_call_is_told_without_secrets() -> None:
    with pytest.raises(CloudError) as caught, cloud_errors(ACCOUNT, "creating endpoint x"):
        raise error("AccessDeniedException", "arn:aws:sts::210987654321:x/y may not; bucket our-bucket of 210987654321")
    assert str(caught.value) == (
        "creating endpoint x: An error occurred (AccessDeniedException) when calling the CreateEndpoint operation: "
        "<arn> may not; bucket <bucket> of <account>"
    )
    assert not isinstance(caught.value, NoCapacity)


def test_want_of_quota_is_want_of_capacity() -> None:
    with pytest.raises(NoCapacity), cloud_errors(ACCOUNT, "creating endpoint x"):
        raise error("ResourceLimitExceeded", "The account-level service limit is 0 Instances")


def test_what_is_not_of_aws_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), cloud_errors(ACCOUNT, "x"):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), cloud_errors(ACCOUNT, "x"):
        raise KeyboardInterrupt


def test_an_error_is_success_if_the_resource_exists() -> None:
    taken = raising(error("ValidationException", "Cannot create already existing endpoint"))
    create_once(ACCOUNT, "creating endpoint x", taken, lambda: True)
    with pytest.raises(CloudError, match="already existing"):
        create_once(ACCOUNT, "creating endpoint x", taken, lambda: False)


def test_if_nobody_can_tell_whether_it_is_there_that_is_told() -> None:
    with pytest.raises(CloudError, match=r"looking for it after an error: .*Throttling"):
        create_once(ACCOUNT, "creating x", raising(error("InternalFailure")), raising(error("ThrottlingException")))


def test_a_look_up_tells_missing_from_unknown() -> None:
    assert if_exists(lambda: 3) == 3
    assert if_exists(raising(error("ResourceNotFound"))) is None
    with pytest.raises(Exception, match="Throttling"):
        if_exists(raising(error("ThrottlingException")))


@pytest.mark.parametrize(("failing_seconds", "lost"), [(240.0, False), (1000.0, True)])
def test_looks_that_fail_are_repeated_for_minutes_and_ever_less_often(failing_seconds: float, lost: bool) -> None:
    now, looks = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def look() -> str:
        looks.append(now)
        if now < failing_seconds:
            raise CloudError("throttled")
        return "there"

    pace = Pace(sleep=sleep, now=lambda: now)
    if lost:
        with pytest.raises(CloudError, match="throttled"):
            steadily(look, pace)
    else:
        assert steadily(look, pace) == "there"
    assert len(looks) <= 8
    assert looks[-1] - looks[0] <= 2 * pace.trouble

"""Every bad input that an account can be: one clear message, and nothing created."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import NoCapacity, NoQuota, SetUpError
from llm_claims.sagemaker.preflight import PlannedResources, check
from tests.emulator.client import Emulator
from tests.integration.faults.cases import CHANGES

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.38.0-lmi29.0.0-cu130"
RESOURCES = PlannedResources({"ml.g5.2xlarge": 2}, {"ml.g4dn.2xlarge": 1}, frozenset({IMAGE}))


@pytest.fixture(autouse=True)
def nothing_is_created(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    # No configuration of whoever runs the tests.
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield
    assert [call for call in emulator.calls() if call["operation"].startswith(CHANGES)] == []


def refused(account: Account, needs: PlannedResources = RESOURCES) -> str:
    with pytest.raises(SetUpError) as caught:
        check(account, needs)
    text = str(caught.value)
    assert not re.search(r"\d{12}|arn:aws|Traceback", text), text
    return text


def test_an_account_that_is_fit_is_let_through(emulator: Emulator) -> None:
    check(Account.of_environment(), RESOURCES)
    asked = {call["operation"] for call in emulator.calls()}
    assert asked >= {"GetCallerIdentity", "HeadBucket", "BatchGetImage", "ListServiceQuotas", "SimulatePrincipalPolicy"}


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    text = refused(Account.of_environment())
    assert text.startswith("no AWS credentials: sign in (aws sso login), or set AWS_ACCESS_KEY_ID")
    assert "needs none" in text


def test_expired_credentials(emulator: Emulator) -> None:
    emulator.fault("expired_token", times=0)
    assert refused(Account.of_environment()).startswith("the AWS credentials have expired: sign in again")


def test_credentials_that_aws_does_not_know(emulator: Emulator) -> None:
    emulator.fault("access_denied", "GetCallerIdentity", times=0)
    assert refused(Account.of_environment()).startswith(
        "AWS in us-east-1 did not answer who the caller is: AccessDenied"
    )


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SetUpError, match="no AWS region: set AWS_REGION"):
        Account.of_environment()


@pytest.mark.parametrize("region", ["us-east-9", "us-est-1", "somewhere"])
def test_a_wrong_region(monkeypatch: pytest.MonkeyPatch, emulator: Emulator, region: str) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    text = refused(Account.of_environment())
    assert text.startswith(f"wrong region: SageMaker is not in '{region}'. Set AWS_REGION to one of ")
    assert "us-east-1" in text
    assert emulator.calls() == []


def test_an_account_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "AWS in us-east-1 did not answer who the caller is: EndpointConnectionError" in refused(
        Account.of_environment()
    )


@pytest.mark.parametrize("minutes", [-10, 10])
@pytest.mark.parametrize("strict", [True, False], ids=["refused", "accepted"])
def test_a_clock_ten_minutes_off(emulator: Emulator, minutes: int, strict: bool) -> None:
    # AWS refuses such a signature; a proxy or an emulator may not.
    emulator.clock(offset_seconds=60 * minutes, strict=strict)
    text = refused(Account.of_environment())
    assert text.startswith("the clock of this machine ")
    assert text.endswith("set it by network time (timedatectl set-ntp true)")
    if not strict:
        assert f"is 10 min {'ahead of' if minutes < 0 else 'behind'} AWS's" in text


def test_a_clock_that_is_nearly_right_will_do(emulator: Emulator) -> None:
    emulator.clock(offset_seconds=120, strict=True)
    check(Account.of_environment(), RESOURCES)


@pytest.mark.parametrize("wrong", ["training", "endpoints"])
def test_an_unknown_instance_type(wrong: str, emulator: Emulator) -> None:
    text = refused(Account.of_environment(), replace(RESOURCES, **{wrong: {"ml.g5.3xlarge": 1}}))
    use = {"training": "a training job", "endpoints": "an endpoint"}[wrong]
    assert text.startswith(f"SageMaker has no instance type ml.g5.3xlarge for {use}: of its family there are ")
    assert "ml.g5.2xlarge" in text
    assert emulator.calls() == []


def test_an_instance_type_of_no_family() -> None:
    text = refused(Account.of_environment(), PlannedResources({"ml.zz9.big": 1}))
    assert text == "SageMaker has no instance type ml.zz9.big for a training job: it has none of that family"


def test_an_instance_type_that_the_region_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_claims.sagemaker import preflight

    read = preflight.read_quotas

    def elsewhere(account: Account) -> dict[str, float]:
        return {name: value for name, value in read(account).items() if "g4dn.2xlarge" not in name}

    monkeypatch.setattr(preflight, "read_quotas", elsewhere)
    assert refused(Account.of_environment()) == (
        "us-east-1 does not offer ml.g4dn.2xlarge for an endpoint: it has no quota named "
        "'ml.g4dn.2xlarge for endpoint usage'"
    )


@pytest.mark.parametrize(("quota", "needed"), [(0, 1), (1, 2)])
def test_no_quota(emulator: Emulator, quota: int, needed: int) -> None:
    emulator.settings(quotas={"ml.g5.2xlarge for training job usage": quota})
    text = refused(Account.of_environment(), PlannedResources({"ml.g5.2xlarge": needed}))
    assert text == (
        f"no quota for ml.g5.2xlarge: 'ml.g5.2xlarge for training job usage' is {quota} in us-east-1, and {needed} "
        "are needed at one time. Request an increase in the AWS console, under Service Quotas"
    )


def test_no_quota_is_want_of_capacity_too(emulator: Emulator) -> None:
    emulator.settings(quotas={"ml.g4dn.2xlarge for endpoint usage": 0})
    with pytest.raises(NoQuota) as caught:
        check(Account.of_environment(), RESOURCES)
    assert isinstance(caught.value, NoCapacity)


def test_quotas_that_cannot_be_read(emulator: Emulator) -> None:
    emulator.settings(denied=["servicequotas:ListServiceQuotas"])
    assert refused(Account.of_environment()).startswith("cannot check the account: reading the quotas of SageMaker: ")


def test_a_role_that_cannot_be_passed(emulator: Emulator) -> None:
    emulator.settings(denied=["iam:PassRole"])
    assert refused(Account.of_environment()) == (
        "you may not pass the role of LLM_CLAIMS_ROLE to sagemaker.amazonaws.com: allow iam:PassRole on it, "
        "as .github/aws/run-role.json does"
    )


def test_a_role_of_which_nobody_knows_whether_it_can_be_passed(emulator: Emulator) -> None:
    emulator.settings(denied=["iam:SimulatePrincipalPolicy"])
    text = refused(Account.of_environment())
    assert "to sagemaker.amazonaws.com (AccessDenied): allow iam:SimulatePrincipalPolicy on your own role" in text


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (None, "no role is set: set LLM_CLAIMS_ROLE to the ARN of the role that jobs run as"),
        ("llm-claims", "LLM_CLAIMS_ROLE is not the ARN of a role: one looks like arn:aws:iam::ACCOUNT:role/NAME"),
        ("arn:aws:iam::123456789012:role/none", "the role of LLM_CLAIMS_ROLE does not exist in this account"),
    ],
    ids=["none", "no ARN", "gone"],
)
def test_no_such_role(role: str | None, told: str) -> None:
    with pytest.raises(SetUpError) as caught:
        check(replace(Account.of_environment(), role=role), RESOURCES)
    assert str(caught.value) == told


def test_a_role_that_does_not_trust_the_scheduler(emulator: Emulator) -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = emulator.client("iam")
    role = iam.create_role(RoleName="schedules", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    try:
        text = refused(replace(Account.of_environment(), schedule_role=role))
    finally:
        emulator.reset()
    assert text.startswith("the role of LLM_CLAIMS_SCHEDULE_ROLE does not trust scheduler.amazonaws.com: ")


def test_an_image_that_is_gone(emulator: Emulator) -> None:
    emulator.settings(missing_images=["djl-inference:0.21.0"])
    old = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.21.0-deepspeed0.8.0-cu117"
    assert refused(Account.of_environment(), replace(RESOURCES, images=frozenset({IMAGE, old}))) == (
        "AWS's registry does not have the image djl-inference:0.21.0-deepspeed0.8.0-cu117 any more: "
        "choose another --stack"
    )


def test_an_image_from_elsewhere() -> None:
    text = refused(
        Account.of_environment(), replace(RESOURCES, images=frozenset({"deepjavalibrary/djl-serving:0.38.0"}))
    )
    assert "SageMaker runs only images of AWS's registry" in text


def test_no_bucket() -> None:
    text = refused(replace(Account.of_environment(), bucket=None))
    assert text == "no bucket is set: create one, and set LLM_CLAIMS_BUCKET to its name"


def test_a_bucket_that_is_not_there() -> None:
    text = refused(replace(Account.of_environment(), bucket="llm-claims-nowhere"))
    assert text == "the bucket of LLM_CLAIMS_BUCKET does not exist: create it, or name another"


def test_a_bucket_that_is_not_ours(emulator: Emulator) -> None:
    emulator.fault("access_denied", "HeadBucket", times=0)
    text = refused(Account.of_environment())
    assert text == ("the bucket of LLM_CLAIMS_BUCKET belongs to another account, or you may not list it")
    # AWS itself is asked to tell: with the owner that the bucket must have.
    (call,) = (call for call in emulator.calls("HeadBucket"))
    assert call["status"] == 403

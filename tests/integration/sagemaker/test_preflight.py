"""Every bad input that an account can be: one clear message, and nothing created."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from llm_claims.sagemaker import preflight
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import NoCapacity, SetUpError
from llm_claims.sagemaker.preflight import PlannedResources, check
from tests.emulator.client import Emulator

from ..emulator.requests import LMI
from ..faults.cases import CHANGES

RESOURCES = PlannedResources({"ml.g5.2xlarge": 2}, {"ml.g4dn.2xlarge": 1}, frozenset({LMI}))
OLD_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.21.0-deepspeed0.8.0-cu117"


@pytest.fixture(autouse=True)
def nothing_is_created(account: Emulator) -> Iterator[None]:
    yield
    assert [call for call in account.calls() if call["operation"].startswith(CHANGES)] == []


def refused(account: Account, needs: PlannedResources = RESOURCES) -> str:
    with pytest.raises(SetUpError) as caught:
        check(account, needs)
    text = str(caught.value)
    assert not re.search(r"\d{12}|arn:aws:iam::\d|Traceback", text), text
    return text


@pytest.mark.parametrize("clock_offset", [0, 120])
def test_an_account_that_is_fit_is_let_through_even_if_a_clock_is_nearly_right(
    account: Emulator, clock_offset: int
) -> None:
    account.clock(offset_seconds=clock_offset, strict=True)
    check(Account.of_environment(), RESOURCES)
    asked = {call["operation"] for call in account.calls()}
    assert asked >= {"GetCallerIdentity", "HeadBucket", "BatchGetImage", "ListServiceQuotas", "SimulatePrincipalPolicy"}


# What is wrong in the account, and what is said.
Wrong = Callable[[Emulator], Any]
IN_THE_ACCOUNT: dict[str, tuple[Wrong, str]] = {
    "expired": (
        lambda e: e.fault("expired_token", times=0),
        "the AWS credentials have expired: sign in again",
    ),
    "unknown-to-AWS": (
        lambda e: e.fault("access_denied", "GetCallerIdentity", times=0),
        "AWS in us-east-1 did not answer who the caller is: AccessDenied",
    ),
    "one-is-too-few": (
        lambda e: e.settings(quotas={"ml.g5.2xlarge for training job usage": 1}),
        "no quota for ml.g5.2xlarge: 'ml.g5.2xlarge for training job usage' is 1 in us-east-1, and 2 are needed at one "
        "time. Request an increase in the AWS console, under Service Quotas",
    ),
    "quotas-cannot-be-read": (
        lambda e: e.settings(denied=["servicequotas:ListServiceQuotas"]),
        "cannot check the account: reading the quotas of SageMaker: ",
    ),
    "role-cannot-be-passed": (
        lambda e: e.settings(denied=["iam:PassRole"]),
        "you may not pass the role of LLM_CLAIMS_ROLE to sagemaker.amazonaws.com: allow iam:PassRole on it, as "
        ".github/aws/run-role.json does",
    ),
    "nobody-knows-of-the-role": (
        lambda e: e.settings(denied=["iam:SimulatePrincipalPolicy"]),
        "*to sagemaker.amazonaws.com (AccessDenied): allow iam:SimulatePrincipalPolicy and iam:GetRole on your own",
    ),
    # AWS itself is asked to tell: with the owner that the bucket must have.
    "bucket-of-others": (
        lambda e: e.fault("access_denied", "HeadBucket", times=0),
        "the bucket of LLM_CLAIMS_BUCKET belongs to another account, or you may not list it",
    ),
}


@pytest.mark.parametrize("kind", IN_THE_ACCOUNT)
def test_what_is_wrong_in_the_account_is_told(account: Emulator, kind: str) -> None:
    wrong, said = IN_THE_ACCOUNT[kind]
    wrong(account)
    text = refused(Account.of_environment())
    assert said[1:] in text if said.startswith("*") else text.startswith(said)


@pytest.mark.parametrize(
    "operation",
    ["GetCallerIdentity", "GetRole", "SimulatePrincipalPolicy", "HeadBucket", "BatchGetImage", "ListServiceQuotas"],
)
def test_a_page_of_a_proxy_is_no_answer_of_aws(account: Emulator, operation: str) -> None:
    account.fault("html", operation, times=0)
    assert "<html>" not in refused(Account.of_environment())


def test_no_quota_is_want_of_capacity_too(account: Emulator) -> None:
    account.settings(quotas={"ml.g4dn.2xlarge for endpoint usage": 0})
    with pytest.raises(NoCapacity):
        check(Account.of_environment(), RESOURCES)


# The environment, and what is said.
IN_THE_ENVIRONMENT: dict[str, tuple[Mapping[str, str | None], str]] = {
    "no-credentials": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        "no AWS credentials: sign in (aws sso login), or set AWS_ACCESS_KEY_ID",
    ),
    "unreachable": (
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        "AWS in us-east-1 did not answer who the caller is: EndpointConnectionError",
    ),
    "no-region": ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, "no AWS region: set AWS_REGION"),
    "nearly-a-region": ({"AWS_REGION": "us-est-1"}, "wrong region: SageMaker is not in 'us-est-1'. Set AWS_REGION to "),
    "no-such-region": (
        {"AWS_REGION": "us-east-9"},
        "wrong region: SageMaker is not in 'us-east-9'. Set AWS_REGION to ",
    ),
    "half-a-network": (
        {"LLM_CLAIMS_SUBNETS": "subnet-0a"},
        "a network needs both: set LLM_CLAIMS_SUBNETS and LLM_CLAIMS_SECURITY_GROUPS, or neither",
    ),
    "no-role": (
        {"LLM_CLAIMS_ROLE": None},
        "no role is set: set LLM_CLAIMS_ROLE to the ARN of the role that jobs run as",
    ),
    "role-without-ARN": (
        {"LLM_CLAIMS_ROLE": "llm-claims"},
        "LLM_CLAIMS_ROLE is not the ARN of a role: one looks like arn:aws:iam::ACCOUNT:role/NAME",
    ),
    "role-is-gone": (
        {"LLM_CLAIMS_ROLE": "arn:aws:iam::123456789012:role/none"},
        "the role of LLM_CLAIMS_ROLE does not exist in this account",
    ),
    "no-bucket": (
        {"LLM_CLAIMS_BUCKET": None},
        "no bucket is set: create one, and set LLM_CLAIMS_BUCKET to its name",
    ),
    "bucket-is-gone": (
        {"LLM_CLAIMS_BUCKET": "llm-claims-nowhere"},
        "the bucket of LLM_CLAIMS_BUCKET does not exist: create it, or name another",
    ),
}


@pytest.mark.parametrize("kind", IN_THE_ENVIRONMENT)
def test_what_is_wrong_in_the_environment_is_told(
    account: Emulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    variables, said = IN_THE_ENVIRONMENT[kind]
    for name, value in variables.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(SetUpError) as caught:
        check(Account.of_environment(), RESOURCES)
    text = str(caught.value)
    assert text.startswith(said)
    assert "123456789012" not in text
    assert "region" not in kind or account.calls() == []


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (
            PlannedResources({"ml.g5.3xlarge": 1}),
            "SageMaker has no instance type ml.g5.3xlarge for a training job: of its family there are ",
        ),
        (
            PlannedResources({}, {"ml.g5.3xlarge": 1}),
            "SageMaker has no instance type ml.g5.3xlarge for an endpoint: of its family there are ",
        ),
        (
            PlannedResources({"ml.zz9.big": 1}),
            "SageMaker has no instance type ml.zz9.big for a training job: it has none of that family",
        ),
        (
            replace(RESOURCES, images=frozenset({LMI, OLD_IMAGE})),
            "AWS's registry does not have the image djl-inference:0.21.0-deepspeed0.8.0-cu117 any more: "
            "choose another --stack",
        ),
        (
            replace(RESOURCES, images=frozenset({"deepjavalibrary/djl-serving:0.38.0"})),
            "SageMaker runs only images of AWS's registry",
        ),
    ],
    ids=["job", "endpoint", "family", "image-is-gone", "image-from-elsewhere"],
)
def test_what_is_needed_and_does_not_exist_is_told(account: Emulator, needs: PlannedResources, said: str) -> None:
    account.settings(missing_images=["djl-inference:0.21.0"])
    assert refused(Account.of_environment(), needs).startswith(said)


def test_a_role_with_a_path_is_one(account: Emulator) -> None:
    services = ["sagemaker.amazonaws.com", "scheduler.amazonaws.com"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = account.client("iam").create_role(RoleName="jobs", Path="/ml/ci/", AssumeRolePolicyDocument=document)["Role"]
    assert "/ml/ci/jobs" in role["Arn"]
    check(replace(Account.of_environment(), role=role["Arn"]), RESOURCES)
    account.reset()


@pytest.mark.parametrize("may_read", [True, False])
def test_a_role_of_identity_center_has_a_path(
    account: Emulator, monkeypatch: pytest.MonkeyPatch, may_read: bool
) -> None:
    """The ARN that AWS tells of the caller leaves the path out."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    role = account.client("iam").create_role(
        RoleName="AWSReservedSSO_Developer_0123456789abcdef",
        Path="/aws-reserved/sso.amazonaws.com/eu-west-1/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]
    assumed = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="someone")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", assumed["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", assumed["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", assumed["SessionToken"])
    if may_read:
        check(Account.of_environment(), RESOURCES)
    else:
        account.settings(denied=["iam:GetRole"])
        assert "allow iam:SimulatePrincipalPolicy and iam:GetRole on your own" in refused(Account.of_environment())
    account.reset()


@pytest.mark.parametrize(("minutes", "strict"), [(-10, True), (-10, False), (10, False)])
def test_a_clock_ten_minutes_off(account: Emulator, minutes: int, strict: bool) -> None:
    """AWS refuses such a signature; a proxy or an emulator may not."""
    account.clock(offset_seconds=60 * minutes, strict=strict)
    text = refused(Account.of_environment())
    assert text.startswith("the clock of this machine ")
    assert text.endswith("set it by network time (timedatectl set-ntp true)")
    if not strict:
        assert f"is 10 min {'ahead of' if minutes < 0 else 'behind'} AWS's" in text


def test_an_instance_type_that_the_region_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    read = preflight.read_quotas

    def elsewhere(account: Account) -> dict[str, float]:
        return {name: value for name, value in read(account).items() if "g4dn.2xlarge" not in name}

    monkeypatch.setattr(preflight, "read_quotas", elsewhere)
    assert refused(Account.of_environment()) == (
        "us-east-1 does not offer ml.g4dn.2xlarge for an endpoint: it has no quota named "
        "'ml.g4dn.2xlarge for endpoint usage'"
    )


def test_a_role_that_does_not_trust_the_scheduler(account: Emulator) -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = account.client("iam").create_role(RoleName="schedules", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    text = refused(replace(Account.of_environment(), schedule_role=role))
    account.reset()
    assert text.startswith("the role of LLM_CLAIMS_SCHEDULE_ROLE does not trust scheduler.amazonaws.com: ")

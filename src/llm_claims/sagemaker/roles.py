"""Checks that the roles exist, and that SageMaker and the scheduler can use them."""

from __future__ import annotations

import json
import re
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import aws_errors, cloud_errors, error_code, if_exists
from llm_claims.sagemaker.errors import CloudError, SetUpError

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/(?:[\w+=,.@/-]+/)?(?P<name>[\w+=,.@-]+)")
_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<name>[^/]+)/.*")


def check_roles(account: Account) -> None:
    """Check the role of jobs and that of schedules: each exists, trusts its service, and may be passed to it.

    Raises
    ------
    SetUpError
        A check failed, or could not be made.
    """
    if not account.role:
        raise SetUpError("no role is set: set LLM_CLAIMS_ROLE to the ARN of the role that jobs run as")
    _check(account, account.role, "LLM_CLAIMS_ROLE", "sagemaker.amazonaws.com")
    variable = "LLM_CLAIMS_SCHEDULE_ROLE" if account.schedule_role else "LLM_CLAIMS_ROLE"
    _check(account, account.schedule_role or account.role, variable, "scheduler.amazonaws.com")


def _check(account: Account, role: str, variable: str, service: str) -> None:
    found = _ROLE.fullmatch(role)
    if not found:
        raise SetUpError(f"{variable} is not the ARN of a role: one looks like arn:aws:iam::ACCOUNT:role/NAME")
    _check_trust(account, found["name"], variable, service)
    _check_pass(account, role, variable, service)


def _check_trust(account: Account, name: str, variable: str, service: str) -> None:
    """Check that a role exists and that its trust policy names a service, as far as we may read the role."""
    try:
        with cloud_errors(account, f"looking at the role of {variable}"):
            answer = if_exists(lambda: account.client("iam").get_role(RoleName=name))
    except CloudError as error:
        # We may be allowed to pass a role without being allowed to read it.
        if "AccessDenied" in str(error):
            return
        raise SetUpError(str(error)) from None
    if answer is None:
        raise SetUpError(f"the role of {variable} does not exist in this account")
    policy = answer["Role"].get("AssumeRolePolicyDocument")
    if not _trusts(policy, service):
        raise SetUpError(
            f"the role of {variable} does not trust {service}: "
            f"its trust policy must allow sts:AssumeRole to that service (see .github/aws/job-role-trust.json)"
        )


def _trusts(policy: Any, service: str) -> bool:
    """Whether a statement of a trust policy (JSON text or object) allows a service."""
    document = json.loads(policy) if isinstance(policy, str) else policy or {}
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        if statement.get("Effect") == "Allow" and service in ([services] if isinstance(services, str) else services):
            return True
    return False


def _check_pass(account: Account, role: str, variable: str, service: str) -> None:
    """Check, by IAM's policy simulator, that the caller may pass a role to a service."""
    if account.caller.arn.endswith(":root"):
        return
    try:
        answer = account.client("iam").simulate_principal_policy(
            PolicySourceArn=_identity(account),
            ActionNames=["iam:PassRole"],
            ResourceArns=[role],
            ContextEntries=[
                {
                    "ContextKeyName": "iam:PassedToService",
                    "ContextKeyValues": [service],
                    "ContextKeyType": "string",
                }
            ],
        )
    except aws_errors() as error:
        raise SetUpError(
            f"cannot check whether you may pass the role of {variable} to {service} ({error_code(error)}): "
            "allow iam:SimulatePrincipalPolicy and iam:GetRole on your own role, as .github/aws/run-role.json does"
        ) from None
    if any(result["EvalDecision"] != "allowed" for result in answer["EvaluationResults"]):
        raise SetUpError(
            f"you may not pass the role of {variable} to {service}: allow iam:PassRole on it, "
            "as .github/aws/run-role.json does"
        )


def _identity(account: Account) -> str:
    """Return the ARN of the user or role whose policies count for the caller.

    The ARN of an assumed role leaves out the role's path, and roles of IAM Identity Center have one: IAM knows it.
    """
    assumed = _ASSUMED.fullmatch(account.caller.arn)
    if assumed is None:
        return account.caller.arn
    try:
        return str(account.client("iam").get_role(RoleName=assumed["name"])["Role"]["Arn"])
    except aws_errors():
        # We may not be allowed to read our own role. Most roles have no path.
        return f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{assumed['name']}"

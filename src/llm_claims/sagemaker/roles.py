"""Whether a role can be handed to SageMaker, and to the scheduler."""

from __future__ import annotations

import json
import re
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import code_of, looked_up, told
from llm_claims.sagemaker.errors import CloudError, SetUpError

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/(?:[\w+=,.@/-]+/)?(?P<name>[\w+=,.@-]+)")
_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<name>[^/]+)/.*")


def check_roles(account: Account) -> None:
    """Check that the role of jobs, and that of schedules, exist, are trusted and may be passed.

    Raises
    ------
    SetUpError
        One is not, or it cannot be told.
    """
    if not account.role:
        raise SetUpError("no role is set: name the ARN of the role that jobs run as in LLM_CLAIMS_ROLE")
    _check(account, account.role, "LLM_CLAIMS_ROLE", "sagemaker.amazonaws.com")
    variable = "LLM_CLAIMS_SCHEDULE_ROLE" if account.schedule_role else "LLM_CLAIMS_ROLE"
    _check(account, account.schedule_role or account.role, variable, "scheduler.amazonaws.com")


def _check(account: Account, role: str, variable: str, service: str) -> None:
    found = _ROLE.fullmatch(role)
    if not found:
        raise SetUpError(f"{variable} is no ARN of a role: it looks like arn:aws:iam::ACCOUNT:role/NAME")
    _check_trust(account, found["name"], variable, service)
    _check_pass(account, role, variable, service)


def _check_trust(account: Account, name: str, variable: str, service: str) -> None:
    try:
        with told(account, f"looking at the role of {variable}"):
            answer = looked_up(lambda: account.client("iam").get_role(RoleName=name))
    except CloudError as error:
        # Who may not look at roles may pass one all the same.
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
    document = json.loads(policy) if isinstance(policy, str) else policy or {}
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        if statement.get("Effect") == "Allow" and service in ([services] if isinstance(services, str) else services):
            return True
    return False


def _check_pass(account: Account, role: str, variable: str, service: str) -> None:
    caller = account.caller.arn
    assumed = _ASSUMED.fullmatch(caller)
    if assumed:
        caller = f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{assumed['name']}"
    if caller.endswith(":root"):
        return
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = account.client("iam").simulate_principal_policy(
            PolicySourceArn=caller,
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
    except (ClientError, BotoCoreError) as error:
        raise SetUpError(
            f"whether the role of {variable} can be passed to {service} could not be asked ({code_of(error)}): "
            "allow iam:SimulatePrincipalPolicy on your own role, as .github/aws/run-role.json does"
        ) from None
    if any(result["EvalDecision"] != "allowed" for result in answer["EvaluationResults"]):
        raise SetUpError(
            f"you may not pass the role of {variable} to {service}: allow iam:PassRole on it, "
            "as .github/aws/run-role.json does"
        )

"""What the caller may do: everything, but what the settings deny."""

from __future__ import annotations

from tests.emulator.errors import AwsError, denied
from tests.emulator.shelf import ACCOUNT
from tests.emulator.wire import Call
from tests.emulator.world import World

_USER = f"arn:aws:iam::{ACCOUNT}:user/emulated"


def check(world: World, call: Call) -> None:
    """Refuse an action that the settings deny."""
    action = f"{call.service}:{call.operation}"
    if action in world.settings.denied:
        refused = denied(_USER, action, call.name or "*")
        if call.service in ("s3", "iam", "sts"):
            raise AwsError("AccessDenied", refused.message, 403)
        raise refused


def simulate(world: World, params: dict[str, str]) -> str:
    """`SimulatePrincipalPolicy`, as XML.

    Raises
    ------
    AwsError
        The source is a role that IAM does not have, or has under another path.
    """
    source = params["PolicySourceArn"]
    known = {role["Arn"] for role in world.client("iam").list_roles()["Roles"]}
    if ":role/" in source and source not in known:
        raise AwsError("NoSuchEntity", f"The role with name {source} cannot be found.", 404)
    actions = [value for key, value in params.items() if key.startswith("ActionNames.member.")]
    rows = "".join(_row(action, action in world.settings.denied) for action in actions)
    return (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>'
        f"<IsTruncated>false</IsTruncated><EvaluationResults>{rows}</EvaluationResults></SimulatePrincipalPolicyResult>"
        "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"
    )


def _row(action: str, refused: bool) -> str:
    decision = "implicitDeny" if refused else "allowed"
    return (
        f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision></member>"
    )

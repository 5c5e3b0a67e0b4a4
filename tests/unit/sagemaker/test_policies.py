"""The IAM policies that are given to users: linted, of known actions, and no wider than they must be."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / ".github" / "aws"
POLICIES = sorted(path.name for path in FOLDER.glob("*.json"))
TRUSTS = [name for name in POLICIES if name.endswith("-trust.json")]
PERMISSIONS = [name for name in POLICIES if name not in TRUSTS]
# What AWS allows for a managed policy, white space not counted.
MANAGED_LENGTH = 6144
LOOKS = ("Describe", "List", "Get", "Search", "BatchGet", "Simulate", "BatchCheck")
# Of these AWS says: no resource can be named. Search and the List actions of SageMaker are such.
EVERYWHERE = ("List", "Search", "GetProducts", "GetAuthorizationToken", "PutMetricData")


def read(name: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return policy


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(name)["Statement"]
    return found


def actions(name: str) -> set[str]:
    return {action for statement in statements(name) for action in statement["Action"]}


@pytest.fixture(scope="module")
def linter() -> Iterator[Any]:
    """The policy linter parliament; it finds its own data by setuptools' old pkg_resources, of which this will do."""
    stand_in = types.ModuleType("pkg_resources")
    stand_in.resource_filename = lambda package, name: str(Path(sys.modules[package].__file__ or "").parent / name)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pkg_resources", stand_in)
        import parliament

        yield parliament


def test_there_is_a_policy_for_every_role() -> None:
    assert PERMISSIONS == ["job-role.json", "run-role.json", "schedule-role.json", "sweep-role.json"]
    assert TRUSTS == ["github-trust.json", "job-role-trust.json", "schedule-role-trust.json"]


@pytest.mark.parametrize("name", PERMISSIONS)
def test_the_linter_finds_nothing(linter: Any, name: str) -> None:
    found = linter.analyze_policy_string(json.dumps(read(name))).findings
    assert [f"{one.issue}: {one.detail}" for one in found] == []


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_fits_into_aws_and_names_each_statement(name: str) -> None:
    assert len(json.dumps(read(name), separators=(",", ":"))) <= MANAGED_LENGTH
    names = [statement["Sid"] for statement in statements(name)]
    assert len(set(names)) == len(names)
    assert read(name)["Version"] == "2012-10-17"
    assert all(statement["Effect"] == "Allow" for statement in statements(name))


@pytest.mark.parametrize("name", PERMISSIONS)
def test_no_action_is_a_wildcard_and_only_looking_is_allowed_everywhere(name: str) -> None:
    assert not [action for action in actions(name) if "*" in action]
    for statement in statements(name):
        if statement["Resource"] == "*":
            assert all(action.partition(":")[2].startswith(EVERYWHERE) for action in statement["Action"]), statement


@pytest.mark.parametrize("name", PERMISSIONS)
def test_what_is_changed_bears_our_name(name: str) -> None:
    for statement in statements(name):
        changes = [action for action in statement["Action"] if not action.partition(":")[2].startswith(LOOKS)]
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if changes and changes != ["cloudwatch:PutMetricData"]:
            assert all("llm-claims" in resource or "/aws/sagemaker/TrainingJobs" in resource for resource in named)


def test_the_sweep_may_stop_and_delete_and_nothing_else() -> None:
    changes = {action.partition(":")[2] for action in actions("sweep-role.json")}
    changes = {action for action in changes if not action.startswith(LOOKS)}
    allowed = ("Stop", "Delete", "Abort")
    assert {action for action in changes if not action.startswith(allowed)} == {"UpdateTrainingJob"}
    (update,) = [one for one in statements("sweep-role.json") if "sagemaker:UpdateTrainingJob" in one["Action"]]
    assert update["Condition"]["NumericEquals"] == {"sagemaker:KeepAlivePeriod": "0"}


@pytest.mark.parametrize("name", ["run-role.json", "sweep-role.json"])
def test_nothing_without_the_tag_is_stopped_or_deleted(name: str) -> None:
    for statement in statements(name):
        ends = [one for one in statement["Action"] if one.startswith(("sagemaker:Stop", "sagemaker:Delete"))]
        if ends:
            assert statement["Condition"]["Null"] == {"aws:ResourceTag/llm-claims:run": "false"}


def test_jobs_are_short_and_of_the_instance_types_of_the_table() -> None:
    table = json.loads((FOLDER.parents[1] / "fixtures" / "instances.json").read_text(encoding="utf-8"))
    (train,) = [one for one in statements("run-role.json") if one["Action"] == ["sagemaker:CreateTrainingJob"]]
    types_allowed = train["Condition"]["ForAllValues:StringEquals"]["sagemaker:InstanceTypes"]
    assert set(types_allowed) == {f"ml.{name}" for name in table["instances"]}
    assert int(train["Condition"]["NumericLessThanEquals"]["sagemaker:MaxRuntimeInSeconds"]) <= 3600


def test_a_role_is_passed_to_the_service_that_needs_it_alone() -> None:
    passes = [one for one in statements("run-role.json") if one["Action"] == ["iam:PassRole"]]
    assert {one["Condition"]["StringEquals"]["iam:PassedToService"] for one in passes} == {
        "sagemaker.amazonaws.com",
        "scheduler.amazonaws.com",
    }
    assert not any("*" in str(one["Resource"]) for one in passes)


def test_github_is_trusted_for_one_environment_of_one_repository() -> None:
    (statement,) = statements("github-trust.json")
    equals = statement["Condition"]["StringEquals"]
    assert equals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    assert equals["token.actions.githubusercontent.com:sub"] == "repo:ORG/REPO:environment:sagemaker"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"


@pytest.mark.parametrize("name", ["job-role-trust.json", "schedule-role-trust.json"])
def test_a_service_is_trusted_for_this_account_alone(name: str) -> None:
    (statement,) = statements(name)
    service = {"job-role-trust.json": "sagemaker", "schedule-role-trust.json": "scheduler"}[name]
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert "aws:SourceAccount" in statement["Condition"]["StringEquals"]

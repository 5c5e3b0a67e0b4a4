"""What was made is found: by tag, by name, page by page."""

from __future__ import annotations

from typing import Any

from tests.emulator.client import Emulator

from .requests import eventually, settled, start_endpoint, start_job
from .test_endpoints import MODEL


def models(emulator: Emulator, count: int, prefix: str = "llm-claims-r1-m") -> None:
    for number in range(count):
        emulator.client("sagemaker").create_model(
            ModelName=f"{prefix}{number:02d}",
            ExecutionRoleArn=emulator.role,
            PrimaryContainer={"Image": "registry/image:1"},
            Tags=[{"Key": "llm-claims:run", "Value": "r1" if number % 2 else "r2"}],
        )


def found(emulator: Emulator, resource: str, *filters: dict[str, str]) -> list[dict[str, Any]]:
    pages = (
        emulator.client("sagemaker")
        .get_paginator("search")
        .paginate(Resource=resource, SearchExpression={"Filters": list(filters)})
    )
    rows = [row[resource] for page in pages for row in page["Results"]]
    return [row["Model"] for row in rows] if resource == "Model" else rows


def test_lists_come_in_pages_of_ten(emulator: Emulator) -> None:
    models(emulator, 23)
    sagemaker = emulator.client("sagemaker")
    assert len(sagemaker.list_models()["Models"]) == 10
    pages = sagemaker.get_paginator("list_models").paginate(NameContains="LLM-claims-r1")
    names = [row["ModelName"] for page in pages for row in page["Models"]]
    assert len(set(names)) == 23
    assert sagemaker.list_models(NameContains="other")["Models"] == []


def test_search_by_tag_and_by_name(emulator: Emulator) -> None:
    models(emulator, 23)
    tag = {"Name": "Tags.llm-claims:run", "Operator": "Equals", "Value": "r1"}
    assert len(found(emulator, "Model", tag)) == 11
    name = {"Name": "ModelName", "Operator": "Contains", "Value": "m1"}
    assert [row["ModelName"][-3:] for row in found(emulator, "Model", tag, name)] == ["m19", "m17", "m15", "m13", "m11"]
    assert found(emulator, "Model", {"Name": "Tags.other", "Operator": "Exists"}) == []
    assert found(emulator, "TrainingJob", tag) == []


def test_search_finds_jobs_and_endpoints_with_their_tags(emulator: Emulator) -> None:
    tags = [{"Key": "llm-claims:run", "Value": "r9"}]
    start_job(emulator, "job", "sleep 60", Tags=tags)
    tag = {"Name": "Tags.llm-claims:run", "Operator": "Equals", "Value": "r9"}
    running = {"Name": "TrainingJobStatus", "Operator": "Equals", "Value": "InProgress"}
    [row] = found(emulator, "TrainingJob", tag, running)
    assert row["TrainingJobName"] == "job"
    assert row["Tags"] == tags
    start_endpoint(emulator, "serve", MODEL)
    arn = settled(emulator, "serve")["EndpointArn"]
    assert found(emulator, "Endpoint", tag) == []
    emulator.client("sagemaker").add_tags(ResourceArn=arn, Tags=tags)
    assert emulator.client("sagemaker").list_tags(ResourceArn=arn)["Tags"] == tags
    assert [row["EndpointName"] for row in found(emulator, "Endpoint", tag)] == ["serve"]


def test_search_lags_behind_lists_when_told_to(emulator: Emulator) -> None:
    emulator.settings(search_lag_seconds=0.5)
    models(emulator, 1)
    name = {"Name": "ModelName", "Operator": "Contains", "Value": "llm-claims"}
    assert len(emulator.client("sagemaker").list_models()["Models"]) == 1
    assert found(emulator, "Model", name) == []
    assert eventually(lambda: found(emulator, "Model", name))


def test_lists_by_status(emulator: Emulator) -> None:
    start_job(emulator, "job", "sleep 60")
    sagemaker = emulator.client("sagemaker")
    rows = sagemaker.list_training_jobs(StatusEquals="InProgress", NameContains="job")["TrainingJobSummaries"]
    assert [row["TrainingJobName"] for row in rows] == ["job"]
    assert sagemaker.list_training_jobs(StatusEquals="Completed")["TrainingJobSummaries"] == []

"""Finds resources by their tags, whatever their names are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.names import RUN_TAG, RunId


def tagged(
    account: Account, resource: Literal["TrainingJob", "Endpoint"], run: RunId | None
) -> Iterator[tuple[str, str]]:
    """Yield the name and the run tag of every resource that carries the tag of ``run``, or of any run."""
    condition = {"Operator": "Equals", "Value": run.text} if run else {"Operator": "Exists"}
    pages = (
        account.client("sagemaker")
        .get_paginator("search")
        .paginate(Resource=resource, SearchExpression={"Filters": [{"Name": f"Tags.{RUN_TAG}", **condition}]})
    )
    for page in pages:
        for result in page["Results"]:
            found: dict[str, Any] = result[resource]
            tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
            yield str(found[f"{resource}Name"]), str(tags.get(RUN_TAG, ""))

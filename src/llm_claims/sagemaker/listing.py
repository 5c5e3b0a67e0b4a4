"""List resources by the start of their names, or by their tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.names import PREFIX, RUN_TAG, RunId


def list_names(account: Account, call: str, group: str, key: str, run: RunId | None) -> Iterator[str]:
    """List the resources of one run, or of any run (``None``), with one of SageMaker's List calls.

    Parameters
    ----------
    call, group, key
        The call, and where its answer holds the names: ``list_models``, ``Models``, ``ModelName``.
    """
    pages = account.client("sagemaker").get_paginator(call).paginate(NameContains=run.prefix if run else PREFIX)
    for page in pages:
        yield from (str(found[key]) for found in page[group])


def list_tagged(
    account: Account, resource: Literal["TrainingJob", "Endpoint"], run: RunId | None
) -> Iterator[tuple[str, str]]:
    """List name and run tag of the resources that carry the tag of one run, or of any run (``None``)."""
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


def tag_list(account: Account, run: RunId) -> list[dict[str, str]]:
    """Return a run's tags in the form that SageMaker's calls take."""
    return [{"Key": key, "Value": value} for key, value in run.tags(account.owner).items()]

"""List resources by the start of their names, or by their tags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any, Literal

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.names import PREFIX, RUN_TAG, RunId
from llm_claims.sagemaker.resources import Found

ENDED = ("Completed", "Failed", "Stopped")
"""The states of a job that has ended."""
WARM = ("Available", "InUse")
"""The states of machines that a job keeps warm: they are billed."""


def is_over(job: dict[str, Any]) -> bool:
    """Whether a job, as AWS describes it, has ended and keeps no machine warm."""
    return job["TrainingJobStatus"] in ENDED and not is_warm(job)


def is_warm(job: dict[str, Any]) -> bool:
    """Whether a job, as AWS describes it, keeps machines warm."""
    return (job.get("WarmPoolStatus") or {}).get("Status") in WARM


def list_named(account: Account, call: str, group: str, key: str, run: RunId | None, **filters: str) -> Iterator[Found]:
    """List the resources of one run, or of any run (``None``), with one of SageMaker's List calls.

    Parameters
    ----------
    call, group, key
        The call, and where its answer holds the names: ``list_models``, ``Models``, ``ModelName``.
    filters
        Further parameters of the call.
    """
    stem = run.prefix if run else PREFIX
    pages = account.client("sagemaker").get_paginator(call).paginate(NameContains=stem, **filters)
    for page in pages:
        yield from (
            Found(str(one[key]), RunId.of_name(str(one[key])), one["CreationTime"].astimezone(UTC))
            for one in page[group]
        )


def list_tagged(account: Account, resource: Literal["TrainingJob", "Endpoint"], run: RunId | None) -> Iterator[Found]:
    """List the resources that carry the tag of one run, or of any run (``None``), but no jobs that are over."""
    condition = {"Operator": "Equals", "Value": run.text} if run else {"Operator": "Exists"}
    pages = (
        account.client("sagemaker")
        .get_paginator("search")
        .paginate(Resource=resource, SearchExpression={"Filters": [{"Name": f"Tags.{RUN_TAG}", **condition}]})
    )
    for page in pages:
        for result in page["Results"]:
            found: dict[str, Any] = result[resource]
            if resource == "TrainingJob" and is_over(found):
                continue
            tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
            created = found["CreationTime"].astimezone(UTC)
            yield Found(str(found[f"{resource}Name"]), RunId.of_tag(str(tags.get(RUN_TAG, ""))), created)


def tag_list(account: Account, run: RunId) -> list[dict[str, str]]:
    """Return a run's tags in the form that SageMaker's calls take."""
    return [{"Key": key, "Value": value} for key, value in run.tags(account.owner).items()]

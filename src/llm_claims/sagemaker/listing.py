"""Finds resources by the start of their names; tags them."""

from __future__ import annotations

from collections.abc import Iterator

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.names import PREFIX, RunId


def listed(account: Account, call: str, group: str, key: str, run: RunId | None) -> Iterator[str]:
    """Yield the names, of one run or of any, that one of SageMaker's List calls returns.

    Parameters
    ----------
    call, group, key
        The call, and where its answer has the names: ``list_models``, ``Models``, ``ModelName``.
    run
        The run, or None for any.
    """
    pages = account.client("sagemaker").get_paginator(call).paginate(NameContains=run.prefix if run else PREFIX)
    for page in pages:
        yield from (str(found[key]) for found in page[group])


def tag_list(account: Account, run: RunId) -> list[dict[str, str]]:
    """Return a run's tags as SageMaker's calls take them."""
    return [{"Key": key, "Value": value} for key, value in run.tags(account.owner).items()]

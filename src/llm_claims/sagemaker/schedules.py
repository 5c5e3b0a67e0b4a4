"""One-shot schedules in the account: each deletes an endpoint, whatever happens to us."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import create, looked_up, removed
from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.kinds import State
from llm_claims.sagemaker.names import PREFIX, RunId

DELETE_ENDPOINT = "arn:{partition}:scheduler:::aws-sdk:sagemaker:deleteEndpoint"
# An endpoint that is still being created cannot be deleted: the scheduler tries again, for half a day.
_RETRIES = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 43200}


class Schedules:
    """EventBridge Scheduler's schedules, in the default group."""

    kind: ResourceKind = "schedule"

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, name: str, after_seconds: float) -> None:
        """Have the endpoint ``name`` deleted in ``after_seconds``; the schedule then deletes itself.

        Raises
        ------
        CloudError
            The schedule was not created.
        """
        moment = (datetime.now(UTC) + timedelta(seconds=after_seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        client = self._account.client("scheduler")
        create(
            self._account,
            f"scheduling the deletion of endpoint {name}",
            lambda: client.create_schedule(
                Name=name,
                ScheduleExpression=f"at({moment})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Description="Deletes an endpoint of llm-claims that its run did not delete itself",
                Target={
                    "Arn": DELETE_ENDPOINT.format(partition=self._account.partition),
                    "RoleArn": self._account.schedule_role or self._account.role,
                    "Input": json.dumps({"EndpointName": name}),
                    "RetryPolicy": _RETRIES,
                },
            ),
            lambda: self.state(name) != "gone",
        )

    def names(self, run: RunId | None) -> Iterator[str]:
        """The names of schedules of one run, or of any."""
        pages = self._account.client("scheduler").get_paginator("list_schedules").paginate
        for page in pages(NamePrefix=run.prefix if run else PREFIX):
            yield from (str(found["Name"]) for found in page["Schedules"])

    def tagged(self, run: RunId | None) -> Iterable[tuple[str, str]]:
        """Nothing: a schedule bears no tags."""
        return ()

    def state(self, name: str) -> State:
        """Whether it is there."""
        found = looked_up(lambda: self._account.client("scheduler").get_schedule(Name=name))
        return "gone" if found is None else "there"

    def remove(self, name: str) -> None:
        """Delete it."""
        removed(lambda: self._account.client("scheduler").delete_schedule(Name=name))

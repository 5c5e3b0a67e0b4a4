"""One-shot schedules in the account: each deletes one endpoint, even if the run was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from llm_claims.sagemaker.calls import create_once, if_exists
from llm_claims.sagemaker.names import PREFIX, RunId
from llm_claims.sagemaker.resources import Found, Resources

DELETE_ENDPOINT = "arn:{partition}:scheduler:::aws-sdk:sagemaker:deleteEndpoint"
# AWS refuses to delete an endpoint that is being created: let the scheduler retry for twelve hours.
_RETRIES = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 43200}


class Schedules(Resources):
    """The account's schedules of EventBridge Scheduler, in the default group. They have no tags."""

    type = "schedule"

    def create(self, name: str, after_seconds: float) -> None:
        """Create a schedule that deletes the endpoint of the same name in ``after_seconds``, and then itself.

        Raises
        ------
        CloudError
            The schedule was not created.
        """
        moment = (datetime.now(UTC) + timedelta(seconds=after_seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        client = self._account.client("scheduler")
        create_once(
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
            lambda: self.exists(name),
        )

    def listed(self, run: RunId | None) -> Iterator[Found]:
        """List the schedules of one run, or of any run."""
        pages = self._account.client("scheduler").get_paginator("list_schedules").paginate
        for page in pages(NamePrefix=run.prefix if run else PREFIX):
            yield from (
                Found(str(one["Name"]), RunId.of_name(str(one["Name"])), one["CreationDate"].astimezone(UTC))
                for one in page["Schedules"]
            )

    def exists(self, name: str) -> bool:
        """Whether a schedule of this name exists."""
        return if_exists(lambda: self._account.client("scheduler").get_schedule(Name=name)) is not None

    def remove(self, name: str) -> None:
        """Delete a schedule."""
        if_exists(lambda: self._account.client("scheduler").delete_schedule(Name=name))

"""Deletion schedules fire, by the account's clock, whatever became of those who made them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.emulator.client import Emulator

from .requests import ended, eventually, settled, start_endpoint, start_job
from .test_endpoints import MODEL

DELETE = "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"


def schedule(
    emulator: Emulator, when: datetime | str, name: str = "delete-serve", target: str = DELETE, **more: object
) -> None:
    expression = when if isinstance(when, str) else f"at({when:%Y-%m-%dT%H:%M:%S})"
    asked = {"Arn": target, "RoleArn": emulator.role, "Input": '{"EndpointName": "serve"}', **more}
    emulator.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=asked,
    )


def test_deletes_the_endpoint_when_its_hour_has_come(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL)
    settled(emulator, "serve")
    schedule(emulator, datetime.now(UTC) + timedelta(hours=1))
    assert [row["name"] for row in emulator.resources("schedule")] == ["delete-serve"]
    emulator.clock(offset_seconds=3590)
    assert emulator.resources("endpoint")
    emulator.clock(offset_seconds=3601)
    eventually(lambda: not emulator.resources("endpoint", "schedule"))
    assert [row["agent"] for row in emulator.calls("DeleteEndpoint")] == ["scheduler.amazonaws.com"]


def test_tries_again_when_the_call_is_refused(emulator: Emulator) -> None:
    emulator.settings(start_seconds=1.5)
    start_endpoint(emulator, "serve", MODEL)
    schedule(emulator, datetime.now(UTC) - timedelta(seconds=5))
    eventually(lambda: not emulator.resources("endpoint", "schedule"))
    errors = [row["error"] for row in emulator.calls("DeleteEndpoint")]
    assert errors[0] == "ValidationException"
    assert errors[-1] is None


def test_stops_a_training_job(emulator: Emulator) -> None:
    start_job(emulator, "long", "sleep 60")
    schedule(
        emulator,
        datetime.now(UTC) - timedelta(seconds=5),
        target="arn:aws:scheduler:::aws-sdk:sagemaker:stopTrainingJob",
        Input='{"TrainingJobName": "long"}',
    )
    assert ended(emulator, "long")["TrainingJobStatus"] == "Stopped"


def test_a_deleted_schedule_does_not_fire(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL)
    settled(emulator, "serve")
    schedule(emulator, datetime.now(UTC) + timedelta(hours=1))
    emulator.client("scheduler").delete_schedule(Name="delete-serve")
    emulator.clock(offset_seconds=7200)
    schedule(
        emulator,
        datetime.now(UTC),
        name="other",
        Input='{"EndpointName": "none"}',
        RetryPolicy={"MaximumRetryAttempts": 0},
    )
    eventually(lambda: emulator.calls("DeleteEndpoint"))
    assert [row["name"] for row in emulator.calls("DeleteEndpoint")] == ["none"]
    assert emulator.resources("endpoint")


def test_refuses_what_aws_refuses(emulator: Emulator) -> None:
    scheduler = emulator.client("scheduler")
    with pytest.raises(scheduler.exceptions.ValidationException, match="Invalid Schedule Expression"):
        schedule(emulator, "at(tomorrow)")
    with pytest.raises(scheduler.exceptions.ClientError, match="Could not assume role"):
        schedule(emulator, datetime.now(UTC), RoleArn="arn:aws:iam::123456789012:role/none")
    assert emulator.resources("schedule") == []

"""One-time schedules of EventBridge, which really fire. moto keeps them; this does what they say."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from moto.backends import get_backend

from tests.emulator.errors import AwsError
from tests.emulator.heartbeat import every
from tests.emulator.sagemaker import SageMaker
from tests.emulator.shelf import ACCOUNT
from tests.emulator.wire import Call
from tests.emulator.world import World

TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:"
_RETRY_SECONDS = 1.0


class Schedules:
    """Looks every tenth of a second for schedules that are due by the account's clock."""

    def __init__(self, world: World, sagemaker: SageMaker) -> None:
        self._world, self._sagemaker = world, sagemaker
        self._fired: set[tuple[str, float]] = set()
        self._failed: dict[tuple[str, float], tuple[int, float]] = {}  # attempts so far, and when to try again
        every(0.1, self._look_at_all)

    def check(self, call: Call) -> None:
        """Refuse a schedule that AWS would refuse."""
        asked = json.loads(call.body or b"{}")
        due_at(asked["ScheduleExpression"], asked.get("ScheduleExpressionTimezone", "UTC"))
        self._world.check_role(asked["Target"]["RoleArn"])

    def _look_at_all(self) -> None:
        for region, schedule, group in self.standing():
            self._look(region, schedule, group)

    def standing(self) -> list[tuple[str, Any, Any]]:
        """Region, schedule and its group, of all that there are."""
        found = []
        for region, backend in list(get_backend("scheduler")[ACCOUNT].items()):
            for group in list(backend.schedule_groups.values()):
                found += [(region, schedule, group) for schedule in list(group.schedules.values())]
        return found

    def _look(self, region: str, schedule: Any, group: Any) -> None:
        key = (schedule.arn, schedule.creation_date)
        if key in self._fired or schedule.state != "ENABLED":
            return
        attempts, again = self._failed.get(key, (0, 0.0))
        due = due_at(schedule.schedule_expression, schedule.schedule_expression_timezone)
        if self._world.clock.now() < due or time.monotonic() < again:
            return
        allowed = schedule.target["RetryPolicy"].get("MaximumRetryAttempts", 185)
        if not self._fire(region, schedule) and attempts < allowed:
            self._failed[key] = (attempts + 1, time.monotonic() + _RETRY_SECONDS)
            return
        self._fired.add(key)
        if schedule.action_after_completion == "DELETE":
            group.schedules.pop(schedule.name, None)

    def _fire(self, region: str, schedule: Any) -> bool:
        """Make the call that the target names; it goes into the ledger as any other."""
        operation = schedule.target["Arn"].removeprefix(TARGET)
        operation = operation[:1].upper() + operation[1:]
        params = {**json.loads(schedule.target.get("Input", "{}")), "_json": True}
        call = Call("sagemaker", operation, region, None, params, b"", "/", "scheduler.amazonaws.com", None)
        row = self._world.ledger.begin(call, self._world.clock.now(), [])
        try:
            if not self._sagemaker.knows(operation):
                raise AwsError("ValidationException", f"no such target: {schedule.target['Arn']}")
            self._sagemaker.do(call)
        except AwsError as error:
            row.update(status=error.status, error=error.code)
            return False
        row.update(status=200)
        return True


def due_at(expression: str, timezone: str | None) -> float:
    """When `at(2026-01-02T03:04:05)` is, in seconds of the epoch."""
    try:
        if not (expression.startswith("at(") and expression.endswith(")")):
            raise ValueError
        return (
            datetime.strptime(expression[3:-1], "%Y-%m-%dT%H:%M:%S")
            .replace(tzinfo=ZoneInfo(timezone or "UTC"))
            .timestamp()
        )
    except ValueError:
        raise AwsError(
            "ValidationException",
            f"Invalid Schedule Expression {expression}. The emulator takes at(YYYY-MM-DDThh:mm:ss) alone.",
        ) from None

"""The emulator's own HTTP interface, under /_emulator/: faults, clock, settings, and what has happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from moto.backends import get_backend
from werkzeug.wrappers import Request, Response

from tests.emulator import quotas
from tests.emulator.schedules import Schedules
from tests.emulator.shelf import ACCOUNT
from tests.emulator.world import World


class Control:
    """`GET` tells, `POST` sets, `DELETE` clears."""

    def __init__(self, world: World, schedules: Schedules, reset: Callable[[], None]) -> None:
        self._world, self._schedules = world, schedules
        self._doors: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "calls"): self._calls,
            ("GET", "resources"): lambda _: self.resources(),
            ("GET", "faults"): lambda _: world.faults.listed(),
            ("POST", "faults"): lambda asked: [vars(world.faults.add(one)) for one in _many(asked)],
            ("DELETE", "faults"): lambda _: world.faults.clear(),
            ("GET", "settings"): lambda _: world.settings.listed(),
            ("POST", "settings"): self._set,
            ("GET", "clock"): lambda _: self._clock(),
            ("POST", "clock"): self._move,
            ("POST", "backdate"): self._backdate,
            ("POST", "reset"): lambda _: reset(),
        }

    def answer(self, environ: dict[str, Any]) -> Response:
        asked = Request(environ)
        door = self._doors.get((asked.method, asked.path.removeprefix("/_emulator/")))
        if door is None:
            return _json({"error": f"no {asked.method} {asked.path}; there are {sorted(self._doors)}"}, 404)
        try:
            return _json(door(asked))
        except (ValueError, TypeError, KeyError) as problem:
            return _json({"error": str(problem)}, 400)

    def _calls(self, asked: Request) -> Any:
        return self._world.ledger.listed(asked.args.get("operation"), int(asked.args.get("since", 0)))

    def _set(self, asked: Request) -> Any:
        self._world.settings.update(json.loads(asked.get_data()))
        self._world.logs.delay_seconds = self._world.settings.log_delay_seconds
        return self._world.settings.listed()

    def _clock(self) -> Any:
        clock = self._world.clock
        return {"now": clock.now(), "offset_seconds": clock.offset_seconds, "strict": clock.strict}

    def _move(self, asked: Request) -> Any:
        wanted = json.loads(asked.get_data())
        self._world.clock.offset_seconds = float(wanted.get("offset_seconds", self._world.clock.offset_seconds))
        self._world.clock.strict = bool(wanted.get("strict", self._world.clock.strict))
        return self._clock()

    def _backdate(self, asked: Request) -> None:
        """Make all that has a text in its name older, as if it had been created so many seconds before."""
        wanted = json.loads(asked.get_data())
        text, seconds = wanted["name"], float(wanted["seconds"])
        for row in self._world.shelf.of_kind("training-job", "endpoint", "endpoint-config", "model"):
            if text in row.name:
                row.body["CreationTime"] -= seconds
        for _, schedule, _ in self._schedules.standing():
            if text in schedule.name:
                schedule.creation_date -= seconds
        for bucket in get_backend("s3")[ACCOUNT]["aws"].buckets.values():
            for name, key in bucket.keys.items():
                if text in name:
                    key.last_modified -= timedelta(seconds=seconds)

    def resources(self) -> list[dict[str, Any]]:
        """What is not cleaned up: what bills now, and models, configurations, schedules and objects."""
        billed = {(row["kind"], row["name"]): row["machines"] for row in quotas.alive(self._world)}
        rows = []
        for row in self._world.shelf.of_kind("training-job", "endpoint", "endpoint-config", "model"):
            machines = billed.get((row.kind, row.name), {})
            if row.kind == "training-job" and not machines:
                continue  # jobs that have ended cost nothing, and cannot be deleted
            status = row.body.get("TrainingJobStatus") or row.body.get("EndpointStatus")
            rows.append(
                {
                    "kind": row.kind,
                    "name": row.name,
                    "region": row.region,
                    "status": status,
                    "machines": machines,
                    "billed": bool(machines),
                    "tags": row.tags,
                }
            )
        for region, schedule, group in self._schedules.standing():
            rows.append(
                {"kind": "schedule", "name": schedule.name, "group": group.name, "region": region, "billed": False}
            )
        s3 = self._world.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
            rows += [
                {"kind": "object", "name": f"s3://{bucket['Name']}/{row['Key']}", "billed": False}
                for page in pages
                for row in page.get("Contents", [])
            ]
        return rows


def _many(asked: Request) -> list[dict[str, Any]]:
    sent = json.loads(asked.get_data())
    return sent if isinstance(sent, list) else [sent]


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content, default=str), status, content_type="application/json")

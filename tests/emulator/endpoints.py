"""The calls about endpoints."""

from __future__ import annotations

import threading
import time
from typing import Any

from tests.emulator import quotas
from tests.emulator.endpoint_run import EndpointRun, Reply
from tests.emulator.errors import AwsError, invalid
from tests.emulator.listing import page
from tests.emulator.models import CONFIG, MODEL
from tests.emulator.shelf import ACCOUNT, Resource
from tests.emulator.tags import as_map
from tests.emulator.world import World

KIND = "endpoint"


class Endpoints:
    """Endpoints, which really serve."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[tuple[str, str], EndpointRun] = {}

    def create(self, params: dict[str, Any], region: str, short_of_machines: bool) -> dict[str, Any]:
        world, name = self._world, params["EndpointName"]
        config = world.shelf.get(CONFIG, region, params["EndpointConfigName"])
        variant = config.body["ProductionVariants"][0]
        model = world.shelf.get(MODEL, region, variant["ModelName"])
        kind, count = variant["InstanceType"], variant.get("InitialInstanceCount", 1)
        now = world.clock.now()
        body: dict[str, Any] = {
            "EndpointName": name,
            "EndpointConfigName": config.name,
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            "_machines": {kind: count},
        }
        row = Resource(KIND, name, region, body, as_map(params.get("Tags", [])))
        body["EndpointArn"] = row.arn
        with world.shelf.lock:
            quotas.check(world, kind, count, quotas.ENDPOINT)
            world.shelf.add(row)
            run = self._runs[region, name] = EndpointRun(world, row, model.body, variant, short_of_machines)
        threading.Thread(target=run.start, name=name, daemon=True).start()
        return {"EndpointArn": row.arn}

    def describe(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        row = self._world.shelf.get(KIND, region, params["EndpointName"])
        with self._world.shelf.lock:
            return {key: value for key, value in row.body.items() if not key.startswith("_")}

    def delete(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        row = self._world.shelf.get(KIND, region, params["EndpointName"])
        with self._world.shelf.lock:
            status = row.body["EndpointStatus"]
            if status == "Creating" and not self._world.settings.delete_while_creating:
                raise invalid(f'Cannot update in-progress endpoint "{row.arn}".')
            if status == "Deleting":
                return {}
            row.body["EndpointStatus"] = "Deleting"
            run = self._runs.pop((region, row.name))
        threading.Thread(target=self._delete, args=(row, run), daemon=True).start()
        return {}

    def _delete(self, row: Resource, run: EndpointRun) -> None:
        time.sleep(self._world.settings.delete_seconds)
        run.close()
        self._world.shelf.remove(row)

    def invoke(self, name: str, region: str, body: bytes, headers: dict[str, str]) -> Reply:
        """Pass one request to the container."""
        try:
            row = self._world.shelf.get(KIND, region, name)
        except AwsError:
            raise AwsError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.") from None
        if row.body["EndpointStatus"] not in ("InService", "Updating"):
            raise AwsError("ValidationError", f"Endpoint {name} of account {ACCOUNT} is not in service.")
        return self._runs[region, name].invoke(body, headers)

    def list(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        wanted = params.get("StatusEquals")
        rows = [
            row
            for row in self._world.shelf.of_kind(KIND, region=region)
            if wanted in (None, row.body["EndpointStatus"])
        ]
        shown = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        return page(rows, params, "Endpoints", shown)

    def close(self) -> None:
        """End everything that runs."""
        with self._world.shelf.lock:
            runs = list(self._runs.values())
            self._runs.clear()
        for run in runs:
            run.close()

"""The calls about training jobs."""

from __future__ import annotations

from typing import Any

from tests.emulator import quotas
from tests.emulator.errors import invalid
from tests.emulator.listing import page
from tests.emulator.shelf import Resource
from tests.emulator.tags import as_map
from tests.emulator.training_run import TrainingRun
from tests.emulator.world import World

KIND = "training-job"
_KEPT = (
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
    "RetryStrategy",
    "RemoteDebugConfig",
)


class TrainingJobs:
    """Training jobs, which really run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[tuple[str, str], TrainingRun] = {}

    def create(self, params: dict[str, Any], region: str, short_of_machines: bool) -> dict[str, Any]:
        world, name = self._world, params["TrainingJobName"]
        compute = params["ResourceConfig"]
        kind, count = compute["InstanceType"], compute["InstanceCount"]
        specification = params["AlgorithmSpecification"]
        if not specification.get("ContainerEntrypoint"):
            raise invalid(
                "The emulator has no images: AlgorithmSpecification.ContainerEntrypoint must say what to run."
            )
        world.check_image(specification.get("TrainingImage", ""))
        world.check_role(params["RoleArn"])
        now = world.clock.now()
        body = {
            "TrainingJobName": name,
            **{key: params[key] for key in _KEPT if key in params},
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "CreationTime": now,
            "LastModifiedTime": now,
            "SecondaryStatusTransitions": [],
            "_machines": {kind: count},
        }
        row = Resource(KIND, name, region, body, as_map(params.get("Tags", [])))
        body["TrainingJobArn"] = row.arn
        with world.shelf.lock:
            quotas.check(world, kind, count, quotas.TRAINING)
            world.shelf.add(row)
            run = self._runs[region, name] = TrainingRun(world, row, short_of_machines)
        run.begin()
        return {"TrainingJobArn": row.arn}

    def describe(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        row = self._world.shelf.get(KIND, region, params["TrainingJobName"])
        with self._world.shelf.lock:
            return {key: value for key, value in row.body.items() if not key.startswith("_")}

    def stop(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        row = self._world.shelf.get(KIND, region, params["TrainingJobName"])
        with self._world.shelf.lock:
            status = row.body["TrainingJobStatus"]
            if status not in ("InProgress", "Stopping"):
                raise invalid(f"The request was rejected because the training job is in status {status}.")
            self._runs[region, row.name].stop()
        return {}

    def update(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        """Change how long the machines are kept warm; 0 lets them go."""
        row = self._world.shelf.get(KIND, region, params["TrainingJobName"])
        keep = params.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds")
        if keep is None:
            raise invalid("The emulator changes nothing of a job but KeepAlivePeriodInSeconds.")
        with self._world.shelf.lock:
            if row.body.get("WarmPoolStatus", {}).get("Status") != "Available":
                raise invalid("The warm pool of the training job is not available.")
            self._runs[region, row.name].keep_warm(keep)
        return {"TrainingJobArn": row.arn}

    def list(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        wanted, warm = params.get("StatusEquals"), params.get("WarmPoolStatusEquals")
        rows = [
            row
            for row in self._world.shelf.of_kind(KIND, region=region)
            if wanted in (None, row.body["TrainingJobStatus"])
            and warm in (None, row.body.get("WarmPoolStatus", {}).get("Status"))
        ]
        shown = (
            "TrainingJobName",
            "TrainingJobArn",
            "CreationTime",
            "TrainingEndTime",
            "LastModifiedTime",
            "TrainingJobStatus",
            "SecondaryStatus",
            "WarmPoolStatus",
        )
        return page(rows, params, "TrainingJobSummaries", shown)

    def close(self) -> None:
        """End everything that runs."""
        with self._world.shelf.lock:
            runs = list(self._runs.values())
            self._runs.clear()
        for run in runs:
            run.kill()

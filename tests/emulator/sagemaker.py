"""SageMaker's control plane: which call goes where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.emulator import models, search, tags
from tests.emulator.endpoints import Endpoints
from tests.emulator.models import CONFIG, MODEL
from tests.emulator.training import TrainingJobs
from tests.emulator.wire import Call
from tests.emulator.world import World

_Operation = Callable[[dict[str, Any], str], dict[str, Any]]


class SageMaker:
    """The calls that the emulator answers itself. The rest is moto's."""

    def __init__(self, world: World) -> None:
        self.jobs, self.endpoints = TrainingJobs(world), Endpoints(world)
        self._world = world
        self._operations: dict[str, _Operation] = {
            "DescribeTrainingJob": self.jobs.describe,
            "StopTrainingJob": self.jobs.stop,
            "UpdateTrainingJob": self.jobs.update,
            "ListTrainingJobs": self.jobs.list,
            "CreateModel": lambda p, r: models.create_model(world, p, r),
            "DescribeModel": lambda p, r: models.describe(world, MODEL, p["ModelName"], r),
            "DeleteModel": lambda p, r: models.delete(world, MODEL, p["ModelName"], r),
            "ListModels": lambda p, r: models.listed(world, MODEL, p, r),
            "CreateEndpointConfig": lambda p, r: models.create_config(world, p, r),
            "DescribeEndpointConfig": lambda p, r: models.describe(world, CONFIG, p["EndpointConfigName"], r),
            "DeleteEndpointConfig": lambda p, r: models.delete(world, CONFIG, p["EndpointConfigName"], r),
            "ListEndpointConfigs": lambda p, r: models.listed(world, CONFIG, p, r),
            "DescribeEndpoint": self.endpoints.describe,
            "DeleteEndpoint": self.endpoints.delete,
            "ListEndpoints": self.endpoints.list,
            "AddTags": lambda p, r: tags.add(world, p),
            "DeleteTags": lambda p, r: tags.delete(world, p),
            "ListTags": lambda p, r: tags.listed(world, p),
            "Search": lambda p, r: search.search(world, p, r),
        }

    def knows(self, operation: str) -> bool:
        return operation in self._operations or operation in ("CreateTrainingJob", "CreateEndpoint")

    def do(self, call: Call, short_of_machines: bool = False) -> dict[str, Any]:
        """Do what the call says."""
        if call.operation == "CreateTrainingJob":
            return self.jobs.create(call.params, call.region, short_of_machines)
        if call.operation == "CreateEndpoint":
            return self.endpoints.create(call.params, call.region, short_of_machines)
        return self._operations[call.operation](call.params, call.region)

    def close(self) -> None:
        """End all that runs."""
        self.jobs.close()
        self.endpoints.close()

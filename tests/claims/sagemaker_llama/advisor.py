"""The advisor: which configuration serves a model best, by the rule the document gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm_claims.document.instances import InstanceTable
from llm_claims.evidence.quantities import Quantity, known
from llm_claims.judging.measurement import Measurement
from llm_claims.workloads.generation.workload import Generation


@dataclass(frozen=True)
class Option:
    """One way to serve a model: a measurement, and the instance type that it ran on."""

    measurement: Measurement
    instance: str

    @property
    def gpus(self) -> int:
        """GPUs that one copy of the model takes (the tensor parallel degree)."""
        workload = self.measurement.workload
        assert isinstance(workload, Generation)
        return workload.tensor_parallel_degree or 1

    @property
    def fits(self) -> bool:
        """Whether the model ran at all."""
        return self.measurement.evidence.outcome.kind == "completed"

    def cost(self, instances: InstanceTable) -> Quantity:
        """Dollars a request, with every GPU of the instance serving a copy of its own."""
        instance = instances[self.instance]
        price = known(instance.usd_per_hour, "USD/h", resolution=instance.price_resolution)
        seconds = self.measurement.latency_seconds
        return price * seconds * (self.gpus / instance.gpus / 3600)


def cheapest(options: Sequence[Option], instances: InstanceTable) -> Option:
    """Return the option with the least cost a request.

    Raises
    ------
    ValueError
        There are no options.
    """
    return min(options, key=lambda option: option.cost(instances).series().values[0])


def advise(options: Sequence[Option], instances: InstanceTable) -> Option:
    """Try one GPU first, then as few as fit; among those take the cheapest.

    Raises
    ------
    ValueError
        No option fits.
    """
    fitting = [option for option in options if option.fits]
    if not fitting:
        raise ValueError("the model fits none of the options")
    fewest = min(option.gpus for option in fitting)
    return cheapest([option for option in fitting if option.gpus == fewest], instances)

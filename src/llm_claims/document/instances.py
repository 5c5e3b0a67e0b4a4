"""Instance types: their accelerators, memory and dated prices."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from llm_claims.document.validation import read_json, validated
from llm_claims.errors import UsageError


def bare(name: str) -> str:
    """Return an instance type as this suite names it everywhere: without the prefix of SageMaker's own types."""
    return name.removeprefix("ml.")


class Instance(BaseModel):
    """One ml. instance type.

    ``compute_capability`` is NVIDIA's; ``usd_per_hour`` is the on-demand price of SageMaker hosting in
    us-east-1; memory is in GiB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpu: str
    gpus: PositiveInt
    gpu_memory_gib: PositiveFloat
    compute_capability: PositiveFloat
    vcpus: PositiveInt
    host_memory_gib: PositiveFloat
    usd_per_hour: PositiveFloat
    price_resolution: PositiveFloat
    efa_interfaces: int = Field(ge=0)
    gpudirect_rdma: bool


class InstanceTable(BaseModel):
    """The dated table of instance types."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dated: date
    source: str
    instances: dict[str, Instance]

    def __getitem__(self, name: str) -> Instance:
        """Return the instance type ``name``, with or without its ``ml.`` prefix.

        Raises
        ------
        UsageError
            The table has no such type; the text lists those it has.
        """
        if bare(name) not in self.instances:
            raise UsageError(f"unknown instance type {name!r}: known are {', '.join(sorted(self.instances))}")
        return self.instances[bare(name)]


def read_instances(path: Path) -> InstanceTable:
    """Read the instance table from a JSON file.

    Raises
    ------
    RecordingError
        The file cannot be read, or a field is wrong.
    """
    return validated(InstanceTable, read_json(path), path)

"""The resources of SageMaker that exist: training jobs, models, endpoint configurations, endpoints."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.errors import AwsError, invalid

ACCOUNT = "123456789012"

_SPOKEN = {"endpoint-config": "endpoint configuration", "training-job": "training job"}


@dataclass
class Resource:
    """One resource: what it is called, its tags, and what Describe answers."""

    kind: str
    name: str
    region: str
    body: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:{self.kind}/{self.name.lower()}"


class Shelf:
    """Resources by kind, region and name. Every change happens under one lock."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Resource] = {}
        self.lock = threading.RLock()

    def add(self, row: Resource) -> None:
        with self.lock:
            if (row.kind, row.region, row.name) in self._rows:
                if row.kind == "training-job":
                    text = (
                        "Training job names must be unique within an AWS account and region, "
                        f"and a training job with this name already exists ({row.arn})"
                    )
                    raise AwsError("ResourceInUse", text)
                raise invalid(f'Cannot create already existing {_SPOKEN.get(row.kind, row.kind)} "{row.arn}".')
            self._rows[row.kind, row.region, row.name] = row

    def clear(self) -> None:
        with self.lock:
            self._rows.clear()

    def get(self, kind: str, region: str, name: str) -> Resource:
        with self.lock:
            if found := self._rows.get((kind, region, name)):
                return found
        if kind == "training-job":
            raise invalid("Requested resource not found.")
        arn = Resource(kind, name, region, {}).arn
        raise invalid(f'Could not find {_SPOKEN.get(kind, kind)} "{arn}".')

    def remove(self, row: Resource) -> None:
        with self.lock:
            if self._rows.get((row.kind, row.region, row.name)) is row:
                del self._rows[row.kind, row.region, row.name]

    def of_kind(self, *kinds: str, region: str | None = None) -> list[Resource]:
        with self.lock:
            return [row for row in self._rows.values() if row.kind in kinds and region in (None, row.region)]

    def by_arn(self, arn: str) -> Resource:
        with self.lock:
            for row in self._rows.values():
                if row.arn == arn:
                    return row
        raise invalid(f"Could not find resource {arn}.")

"""Defaults: what a source fills open fields with, and what it measures in place of what it does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from llm_claims.workloads.base import Workload

W = TypeVar("W", bound=Workload)


class Defaults(BaseModel, Generic[W]):
    """The defaults of one kind of workload on one source.

    ``fields`` fill what a workload leaves open; ``instance`` is the cloud instance type of the runs, where the
    source has one. ``version_1`` says where recordings of schema version 1 keep each field, other than under the
    name of the kind (``fields``) and ``KIND_instance`` (``instance``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version_1: ClassVar[Mapping[str, str]] = {}

    fields: W
    instance: str | None = None

    def fields_for(self, workload: W) -> dict[str, Any]:
        """Return the fields that fill ``workload``, by name; those that it states are left as they are."""
        return self.fields.stated()

    def analogue(self, workload: W, on: str | None) -> tuple[W, str | None, str]:
        """Return what stands for ``workload`` on the instance type ``on``: workload, place, and a note for people.

        What needs no analogue, or has none here, comes back as it is, with an empty note.
        """
        return workload, on, ""

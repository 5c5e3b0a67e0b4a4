"""Recordings of schema version 1: one `reference` for all kinds of workload, in fields of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_claims.workloads.registry import kinds


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a version 1 file as version 2 has it; what neither has is left for the reader to refuse."""
    kept = {**{key: value for key, value in data.items() if key != "reference"}, "schema_version": 2}
    reference = data.get("reference", {})
    if not isinstance(reference, dict) or not isinstance(analogues := reference.get("analogues", {}), dict):
        return {**kept, "defaults": reference}
    old = {**{name: value for name, value in reference.items() if name != "analogues"}, **analogues}
    defaults: dict[str, dict[str, Any]] = {}
    for kind in kinds():
        name = kind.model_fields["kind"].default
        places = {name: "fields", f"{name}_instance": "instance", **kind.defaults_type().version_1}
        found = {new: old.pop(place) for place, new in places.items() if place in old}
        if found:
            defaults[name] = {"fields": {"kind": name}, **found}
    return {**kept, "defaults": {**defaults, **old}}

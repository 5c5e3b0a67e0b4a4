"""`Search`: resources by their fields and tags."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.emulator.errors import invalid
from tests.emulator.listing import cut
from tests.emulator.shelf import Resource
from tests.emulator.tags import as_list
from tests.emulator.world import World

_KINDS = {"TrainingJob": "training-job", "Endpoint": "endpoint", "Model": "model"}


def search(world: World, params: dict[str, Any], region: str) -> dict[str, Any]:
    """Find resources of one kind. Tags are fields called `Tags.KEY`."""
    resource = params["Resource"]
    if resource not in _KINDS:
        raise invalid(f"The emulator does not search for {resource}.")
    rows = world.shelf.of_kind(_KINDS[resource], region=region)
    latest = world.clock.now() - world.settings.search_lag_seconds
    rows = [row for row in rows if row.body["CreationTime"] <= latest]
    found = [row for row in rows if _meets(row, params.get("SearchExpression", {}))]
    found.sort(key=lambda row: row.body["CreationTime"], reverse=params.get("SortOrder", "Descending") == "Descending")
    return cut([{resource: _shown(row)} for row in found], params, "Results")


def _shown(row: Resource) -> dict[str, Any]:
    shown = {key: value for key, value in row.body.items() if not key.startswith("_")}
    record = {**shown, "Tags": as_list(row.tags)}
    return {"Model": record} if row.kind == "model" else record  # AWS answers with a model's dashboard, the model in it


def _meets(row: Resource, expression: dict[str, Any]) -> bool:
    parts = [_holds(row, test) for test in expression.get("Filters", [])]
    parts += [_meets(row, part) for part in expression.get("SubExpressions", [])]
    return not parts or (any(parts) if expression.get("Operator", "And") == "Or" else all(parts))


def _holds(row: Resource, test: dict[str, Any]) -> bool:
    name, how, wanted = test["Name"], test.get("Operator", "Equals"), str(test.get("Value", ""))
    have = row.tags.get(name[5:]) if name.startswith("Tags.") else row.body.get(name)
    if how in ("Exists", "NotExists"):
        return bool((have is not None) == (how == "Exists"))
    if have is None:
        return bool(how == "NotEquals")
    if how in _TEXT:
        return _TEXT[how](str(have), wanted)
    left, right = (have, _moment(wanted)) if isinstance(have, float) else (str(have), wanted)
    return bool(_ORDER[how](left, right))


_TEXT: dict[str, Callable[[str, str], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "In": lambda have, wanted: have in wanted.split(","),
    "Contains": lambda have, wanted: wanted.lower() in have.lower(),
}
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

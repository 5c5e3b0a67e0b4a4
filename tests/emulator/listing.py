"""Lists in pages, as SageMaker gives them: ten a page unless told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.emulator.errors import invalid
from tests.emulator.shelf import Resource

DEFAULT_PAGE = 10


def page(rows: Sequence[Resource], params: dict[str, Any], title: str, shown: Sequence[str]) -> dict[str, Any]:
    """Filter by name and time of creation, sort, and give one page."""
    kept = [row for row in rows if _wanted(row, params)]
    kept.sort(
        key=_order(params.get("SortBy", "CreationTime")), reverse=params.get("SortOrder", "Descending") == "Descending"
    )
    return cut([{key: row.body[key] for key in shown if key in row.body} for row in kept], params, title)


def cut(rows: Sequence[Any], params: dict[str, Any], title: str) -> dict[str, Any]:
    """One page of `rows`."""
    try:
        start = int(params.get("NextToken") or 0)
    except ValueError:
        raise invalid("Invalid NextToken.") from None
    size = params.get("MaxResults", DEFAULT_PAGE)
    answer: dict[str, Any] = {title: list(rows[start : start + size])}
    if start + size < len(rows):
        answer["NextToken"] = str(start + size)
    return answer


def _wanted(row: Resource, params: dict[str, Any]) -> bool:
    created = row.body["CreationTime"]
    return (
        params.get("NameContains", "").lower() in row.name.lower()
        and created >= params.get("CreationTimeAfter", created)
        and created <= params.get("CreationTimeBefore", created)
    )


def _order(by: str) -> Any:
    if by == "Name":
        return lambda row: row.name
    return lambda row: row.body.get(by, row.body["CreationTime"])

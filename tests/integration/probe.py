"""Runs pytest and writes what it collected, and which packages anybody tried to import, to a JSON file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


class Watch:
    """A finder that finds nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.sought: set[str] = set()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        self.sought.add(name.partition(".")[0])


class Collected:
    """A pytest plugin that remembers all collected tests of claims, selected or not."""

    def __init__(self) -> None:
        self.cases: list[dict[str, str]] = []

    def pytest_itemcollected(self, item: Any) -> None:
        marker = item.get_closest_marker("claim")
        if marker is not None:
            self.cases.append({"nodeid": item.nodeid, **marker.kwargs})


def main(seen: Path, arguments: list[str]) -> int:
    watch, collected = Watch(), Collected()
    sys.meta_path.insert(0, watch)  # type: ignore[arg-type]
    import pytest

    status = pytest.main(arguments, plugins=[collected])
    seen.write_text(json.dumps({"cases": collected.cases, "modules": sorted(watch.sought)}), encoding="utf-8")
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))

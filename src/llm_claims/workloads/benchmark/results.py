"""Results that pytest-benchmark saved, a run for each test."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from llm_claims.workloads.imports.format import Format, FoundRun, printed, shown_resolution

_STATISTICS = {"median": "median_seconds", "mean": "mean_seconds", "min": "least_seconds"}


class BenchmarkResults(Format):
    """``pytest-benchmark``: what ``--benchmark-json`` and ``--benchmark-save`` write."""

    name = "pytest-benchmark"

    def recognizes(self, beginning: str) -> bool:
        """Whether its keys are there."""
        return '"machine_info"' in beginning and beginning.lstrip()[:1] == "{"

    def read(self, path: Path) -> list[FoundRun]:
        """Return a run for each test."""
        whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
        if not whole.get("benchmarks"):
            raise ValueError("no benchmarks in it")
        machine = whole.get("machine_info") or {}
        cpu = machine.get("cpu") or {}
        hardware = ", ".join(filter(None, (cpu.get("brand_raw"), cpu.get("count") and f"{cpu['count']} cores")))
        software = {"python": machine["python_version"]} if "python_version" in machine else {}
        return [
            FoundRun(
                f"benchmarks[{number}]",
                {"name": one["fullname"]},
                {
                    name: printed(
                        [float(one["stats"][key])],
                        "s",
                        f"benchmarks[{number}].stats.{key}",
                        max(shown_resolution(one["stats"][key]), math.ulp(float(one["stats"][key]))),
                        f"of {one['stats']['rounds']} rounds",
                    )
                    for key, name in _STATISTICS.items()
                },
                hardware=hardware,
                date=str(whole.get("datetime", ""))[:10],
                software=software,
            )
            for number, one in enumerate(whole["benchmarks"])
        ]

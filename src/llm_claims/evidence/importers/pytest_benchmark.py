"""Results of pytest-benchmark: the file that ``--benchmark-json`` writes; every benchmark in it is a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.digits import shown
from llm_claims.evidence.importers.located_json import read_objects
from llm_claims.evidence.importers.run import Format, Printed, Run

NAME = "pytest-benchmark"

_SECONDS = {name: f"{name}_seconds" for name in ("min", "max", "mean", "median")}


def read(path: Path) -> list[Run]:
    """Read every benchmark of a file.

    Raises
    ------
    RecordingError
        It is no result of pytest-benchmark, or has no benchmark, or a figure is no number.
    """
    (whole, _), *more = read_objects(path)
    benchmarks = whole.get("benchmarks") if isinstance(whole, dict) else None
    if more or not isinstance(benchmarks, list) or not benchmarks:
        raise RecordingError(f"{path}: no result of pytest-benchmark: an object with a list of benchmarks is expected")
    return [_run(path, whole, one) for one in benchmarks]


def _run(path: Path, whole: dict[str, Any], benchmark: dict[str, Any]) -> Run:
    stats = {name: value for name, value in (benchmark.get("stats") or {}).items() if isinstance(value, Printed)}
    if "mean" not in stats:
        raise RecordingError(f"{path}: the benchmark {benchmark.get('name')!r} has no stats")
    run = Run(path, NAME, "benchmark", last=stats["mean"].line)
    run.state("test", benchmark.get("fullname") or benchmark["name"], run.last)
    for name, printed in stats.items():
        if name in _SECONDS:
            run.add(_SECONDS[name], printed, resolution=shown)
        elif name == "rounds":
            run.add("rounds", printed, resolution=None)
        else:
            run.left_out.add(name)
    machine, commit = whole.get("machine_info") or {}, whole.get("commit_info") or {}
    processor = machine.get("cpu") or {}
    run.provenance = {
        "hardware": processor.get("brand_raw") or machine.get("machine"),
        "commit": commit.get("id") if not commit.get("dirty") else None,
        "date": str(whole.get("datetime"))[:10] if whole.get("datetime") else None,
        "software": {"python": machine["python_version"]} if machine.get("python_version") else {},
    }
    return run


FORMAT = Format(NAME, (b'"benchmarks"',), read)

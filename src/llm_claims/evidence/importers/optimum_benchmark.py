"""Reports of optimum-benchmark: ``benchmark_report.json`` with the configuration beside it, or ``benchmark.json``.

A latency there is the list of all its repetitions, and statistics of them (``optimum_benchmark/trackers/latency.py``);
the median is kept, which no single slow repetition moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.digits import shown
from llm_claims.evidence.importers.located_json import read_objects
from llm_claims.evidence.importers.run import Format, Printed, Run
from llm_claims.workloads.llm.precision import DTYPES

NAME = "optimum-benchmark"
CONFIG = "benchmark_config.json"

_LATENCIES = {
    "prefill": "time_to_first_token_seconds",
    "decode": "decode_seconds",
    "per_token": "inter_token_latency_seconds",
}
_THROUGHPUTS = {"prefill": "prefill_tokens_per_second", "decode": "decode_tokens_per_second"}
_PRECISIONS = {dtype: precision for precision, dtype in DTYPES.items()}


def read(path: Path) -> list[Run]:
    """Read the one run of a report.

    Raises
    ------
    RecordingError
        It is no report of a model that generates, or a figure is no number.
    """
    (whole, line), *more = read_objects(path)
    report = whole.get("report", whole) if isinstance(whole, dict) else None
    if more or not isinstance(report, dict) or not _LATENCIES.keys() & report.keys():
        raise RecordingError(f"{path}: no report of optimum-benchmark with prefill, decode or per_token")
    run = Run(path, NAME, "generation", last=line)
    for target, measurements in report.items():
        if target in _LATENCIES and isinstance(measurements, dict):
            _keep(run, target, measurements)
        elif measurements:
            run.left_out.add(target)
    if not run.metrics:
        raise RecordingError(f"{path}: no figure in the report")
    config = whole.get("config") if "report" in whole else _beside(path)
    if isinstance(config, dict):
        _configure(run, config)
    return [run]


def _beside(path: Path) -> Any:
    config = path.with_name(CONFIG)
    return read_objects(config)[0].value if config.is_file() else None


def _keep(run: Run, target: str, measurements: Mapping[str, Any]) -> None:
    for name, one in measurements.items():
        if name == "latency" and _has(one, "p50"):
            count = one["count"].text if isinstance(one.get("count"), Printed) else "several"
            median = one["p50"]._replace(unit=one.get("unit"))
            run.add(_LATENCIES[target], median, resolution=shown, note=f"the median of {count} repetitions")
        elif name == "throughput" and target in _THROUGHPUTS and _has(one, "value"):
            run.add(_THROUGHPUTS[target], one["value"]._replace(unit=one.get("unit")), resolution=shown)
        elif name == "memory" and isinstance(one, dict):
            _keep_memory(run, one)
        elif one:
            run.left_out.add(f"{target}.{name}")


def _has(measured: Any, name: str) -> bool:
    return isinstance(measured, dict) and isinstance(measured.get(name), Printed)


def _keep_memory(run: Run, memory: Mapping[str, Any]) -> None:
    """Keep what PyTorch allocated at the most, of all parts of the run."""
    allocated = memory.get("max_allocated")
    known = run.metrics.get("peak_device_memory_bytes")
    if isinstance(allocated, Printed) and (known is None or float(allocated.value) * 1e6 > known.samples[0]):
        run.add("peak_device_memory_bytes", allocated._replace(unit=str(memory.get("unit"))), resolution=shown)
    run.left_out |= {f"memory.{name}" for name, value in memory.items() if value and name != "max_allocated"} - {
        "memory.unit"
    }


def _configure(run: Run, config: Mapping[str, Any]) -> None:
    """Take over what the configuration states that a workload has a field for."""
    backend, scenario = (config.get(part) or {} for part in ("backend", "scenario"))
    shapes, generating = scenario.get("input_shapes") or {}, scenario.get("generate_kwargs") or {}
    prompts = _whole(shapes.get("batch_size")) or 1
    stated = {
        "model": backend.get("model"),
        "engine": "transformers" if backend.get("name") == "pytorch" else None,
        "api": "generate" if backend.get("name") == "pytorch" else None,
        "precision": _PRECISIONS.get(str(backend.get("torch_dtype") or backend.get("dtype")).removeprefix("torch.")),
        "input_tokens": _whole(shapes.get("sequence_length")),
        "new_tokens": _whole(generating.get("max_new_tokens")),
        "prompts": prompts if prompts > 1 else None,
        "batch_size": prompts if prompts > 1 else None,
    }
    for name, value in stated.items():
        if value is not None:
            run.state(name, value, run.last)
    environment = config.get("environment") or {}
    gpus = environment.get("gpu") or []
    hardware = ", ".join(gpus) if isinstance(gpus, list) else str(gpus)
    if hardware or environment.get("cpu"):
        run.provenance["hardware"] = hardware or str(environment["cpu"]).strip()
    versions = {
        name.removesuffix("_version"): str(value)
        for name, value in environment.items()
        if name.endswith("_version") and value
    }
    if versions:
        run.provenance["software"] = versions


def _whole(value: Any) -> int | None:
    return int(value.value) if isinstance(value, Printed) else None


FORMAT = Format(NAME, (b'"prefill"', b'"per_token"', b'"decode"'), read)

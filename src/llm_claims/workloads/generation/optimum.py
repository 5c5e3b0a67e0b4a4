"""Reports of optimum-benchmark, alone or with their configuration, as runs of generation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from llm_claims.workloads.imports.format import Figure, Format, FoundRun, printed, shown_resolution

DTYPES = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32"}


class OptimumBenchmark(Format):
    """``optimum-benchmark``: ``benchmark_report.json``, or ``benchmark.json``, which has the configuration as well."""

    name = "optimum-benchmark"

    def recognizes(self, beginning: str) -> bool:
        """Whether a report of prefill and decoding is there."""
        return '"prefill"' in beginning or ('"report"' in beginning and '"scenario"' in beginning)

    def read(self, path: Path) -> list[FoundRun]:
        """Return the one run."""
        whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
        report, fields = whole.get("report", whole), _fields(whole.get("config") or {})
        run = FoundRun("prefill and decode", fields)
        for part in ("prefill", "decode"):
            if not isinstance(report.get(part), dict):
                raise ValueError(f"{part}: missing: is this the report of text generation?")
            run.ignored |= {f"{part}.{key}" for key, value in report[part].items() if value is not None}
        prefill, decode = report["prefill"], report["decode"]
        run.figures["time_to_first_token_seconds"] = _latencies(prefill["latency"], "prefill.latency.values")
        run.ignored -= {"prefill.latency", "decode.throughput"}
        rate = decode.get("throughput") or {}
        if "value" in rate:
            run.figures["output_tokens_per_second"] = printed(
                [float(rate["value"])], rate["unit"], "decode.throughput.value", shown_resolution(rate["value"])
            )
        return [run]


def _latencies(latency: dict[str, Any], place: str) -> Figure:
    values = [float(value) for value in latency["values"]]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{place}: not every value is a number")
    resolution = max(shown_resolution(value) for value in latency["values"])
    return printed(values, latency["unit"], place, resolution, "the time of prefill, which makes the first token")


def _fields(config: dict[str, Any]) -> dict[str, Any]:
    backend, scenario = config.get("backend") or {}, config.get("scenario") or {}
    shapes, generate = scenario.get("input_shapes") or {}, scenario.get("generate_kwargs") or {}
    found = {
        "model": backend.get("model"),
        "precision": DTYPES.get(str(backend.get("torch_dtype"))),
        "prompts": _whole(shapes.get("batch_size")),
        "input_tokens": _whole(shapes.get("sequence_length")),
        "new_tokens": _whole(generate.get("max_new_tokens")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)

"""Results of ``vllm bench serve``: the objects that ``--save-result`` writes, and the table that it prints.

Names are those of ``vllm/benchmarks/serve.py``; its figures are of all requests of one benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.digits import shown
from llm_claims.evidence.importers.located_json import read_objects
from llm_claims.evidence.importers.run import Format, Printed, Run, fault
from llm_claims.evidence.importers.text import first_line_with, segments

NAME = "vllm-serve"
_TABLE = b"Serving Benchmark Result"

_COUNTS = {"completed": "completed_requests", "failed": "failed_requests"}
_RATES = {
    "duration": "duration_seconds",
    "request_throughput": "requests_per_second",
    "request_goodput": "goodput_requests_per_second",
    "output_throughput": "output_tokens_per_second",
    "total_token_throughput": "total_tokens_per_second",
}
_DELAYS = {
    "ttft": ("time_to_first_token_seconds", "ms"),
    "tpot": ("time_per_output_token_seconds", "ms/token"),
    "itl": ("inter_token_latency_seconds", "ms"),
    "e2el": ("latency_seconds", "ms"),
}
_DELAY = re.compile(r"(mean|median|p\d+(?:\.\d+)?)_(ttft|tpot|itl|e2el)_ms")
_FIELDS = {
    "model_id": "model",
    "num_prompts": "requests",
    "max_concurrency": "concurrency",
    "request_rate": "request_rate",
    "tensor_parallel_size": "tensor_parallel_degree",
}
_SILENT = {"date", "backend", "endpoint_type", "label", "tokenizer_id"}
_PRINTED = {
    "Successful requests": "completed",
    "Failed requests": "failed",
    "Maximum request concurrency": "max_concurrency",
    "Request rate configured (RPS)": "request_rate",
    "Benchmark duration (s)": "duration",
    "Request throughput (req/s)": "request_throughput",
    "Request goodput (req/s)": "request_goodput",
    "Output token throughput (tok/s)": "output_throughput",
    "Total token throughput (tok/s)": "total_token_throughput",
}
_ROW = re.compile(r"([A-Z][\w .-]*(?: \([\w/]+\))?): +(\S+)\s*$")
_DELAY_ROW = re.compile(r"(Mean|Median|P[\d.]+) (TTFT|TPOT|ITL|E2EL) \(ms\)")


def read(path: Path) -> list[Run]:
    """Read the benchmarks of one file.

    Raises
    ------
    RecordingError
        It has none, or one is cut off, or a figure is no number; the text names the line.
    """
    if first_line_with(path, [_TABLE]):
        return list(_printed(path))
    found = [_run(path, one.value, one.line) for one in read_objects(path) if _is_result(one.value)]
    if not found:
        raise RecordingError(f"{path}: no result of vllm bench serve")
    return found


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and "request_throughput" in value


def _run(path: Path, result: Mapping[str, Any], line: int) -> Run:
    run = Run(path, NAME, "generation", last=line)
    # Some versions write "request_goodput:".
    for name, value in ((name.rstrip(":"), value) for name, value in result.items()):
        if value is None or name in _SILENT:
            continue
        if name == "ttfts" and isinstance(value, list):
            _keep_all(run, value)
        elif isinstance(value, list):
            run.left_out.add(name)
        elif name in _FIELDS:
            run.state(_FIELDS[name], _plain(value), value.line if isinstance(value, Printed) else line)
        elif isinstance(value, Printed):
            _keep(run, name, value)
        else:
            run.left_out.add(name)
    if result.get("backend") == "vllm":
        run.state("engine", "vllm", line)
    if isinstance(day := result.get("date"), str) and re.match(r"\d{8}-", day):
        run.provenance["date"] = f"{day[:4]}-{day[4:6]}-{day[6:8]}"
    return run


def _keep(run: Run, name: str, printed: Printed) -> None:
    delay = _DELAY.fullmatch(name)
    if name in _COUNTS:
        run.add(_COUNTS[name], printed, resolution=None)
    elif name in _RATES:
        run.add(_RATES[name], printed, resolution=shown)
    elif delay and (metric := _metric(delay[1], _DELAYS[delay[2]][0])):
        run.add(metric, printed._replace(unit=_DELAYS[delay[2]][1]), resolution=shown)
    else:
        run.left_out.add(name)


def _keep_all(run: Run, times: list[Any]) -> None:
    """Keep the time to the first token of every request, in seconds; that of one that failed is zero."""
    completed = [time for time in times if isinstance(time, Printed) and time.text not in ("0", "0.0")]
    if completed:
        failed = len(times) - len(completed)
        note = f"{failed} of {len(times)} requests had no token" if failed else None
        run.add("all_time_to_first_token_seconds", *completed, resolution=shown, note=note)


def _metric(statistic: str, delay: str) -> str | None:
    from llm_claims.workloads.registry import kind_named

    name = f"{'median' if statistic == 'p50' else statistic}_{delay}"
    return name if name in kind_named("generation").metrics else None


def _plain(value: Any) -> Any:
    if not isinstance(value, Printed):
        return value
    number = value.value
    if not number.is_finite():
        return "inf"
    return int(number) if number == number.to_integral_value() else float(number)


def _printed(path: Path) -> Iterator[Run]:
    """Yield the benchmarks of what was printed; a table ends with a line of equals signs alone."""
    run: Run | None = None
    for segment in segments(path, (_TABLE, b": ", b"========")):
        text = segment.text
        if _TABLE.decode() in text:
            if run is not None:
                fault(path, run.last, "the table is cut off")
            run = Run(path, NAME, "generation", last=segment.line)
        elif run is not None and text.strip("= \t") == "" and text.strip():
            yield run
            run = None
        elif run is not None and (row := _ROW.search(text)):
            _keep_row(run, row[1], Printed(row[2], segment.line))
    if run is not None:
        fault(path, run.last, "the table that begins here is cut off")


def _keep_row(run: Run, label: str, printed: Printed) -> None:
    known = {name.lower(): key for name, key in _PRINTED.items()}
    delay = _DELAY_ROW.fullmatch(label)
    key = f"{delay[1]}_{delay[2]}_ms".lower() if delay else known.get(label.lower(), label)
    if key in _FIELDS:
        run.state(_FIELDS[key], _plain(printed), printed.line)
    else:
        _keep(run, key, printed)


FORMAT = Format(NAME, (b'"request_throughput"', b'"mean_ttft_ms"', _TABLE), read)

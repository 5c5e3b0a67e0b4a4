"""Results of ``vllm bench serve``, saved or printed, as runs of generation under load."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_claims.workloads.imports.format import Figure, Format, FoundRun, printed, renamed, shown_resolution
from llm_claims.workloads.imports.lines import segments

HEADING = "Serving Benchmark Result"
_FIELDS = {"model_id": "model", "backend": "engine", "num_prompts": "prompts", "max_concurrency": "concurrency"}
_TIMES = {"ttft": "time_to_first_token", "tpot": "time_per_output_token", "itl": "inter_token_latency"}
_KINDS = {"median": "", "mean": "mean_", "p99": "p99_"}
_RATES = {
    "request_throughput": ("requests_per_second", "requests/s"),
    "output_throughput": ("output_tokens_per_second", "tokens/s"),
}
_PRINTED = {
    "Successful requests": "completed",
    "Failed requests": "failed",
    "Maximum request concurrency": "max_concurrency",
    "Request rate configured (RPS)": "request_rate",
    "Request throughput (req/s)": "request_throughput",
    "Output token throughput (tok/s)": "output_throughput",
    **{f"{kind.title()} {short.upper()} (ms)": f"{kind}_{short}_ms" for kind in _KINDS for short in _TIMES},
}
_LINE = re.compile(r"\s*(?:#\s*)?([A-Z][^:]*?):\s+(\S+)\s*$")


class VllmServe(Format):
    """``vllm-serve``: one JSON object, one a line, or what is printed."""

    name = "vllm-serve"

    def recognizes(self, beginning: str) -> bool:
        """Whether its keys or its heading are there."""
        return HEADING in beginning or ('"request_throughput"' in beginning and '"median_ttft_ms"' in beginning)

    def read(self, path: Path) -> list[FoundRun]:
        """Return a run for each result."""
        with path.open(encoding="utf-8", errors="replace") as stream:
            saved = stream.read(256).lstrip()[:1] == "{"
        runs = [_run(result, places) for result, places in (_saved(path) if saved else _shown(path))]
        if not runs:
            raise ValueError(f"no result: no line has {HEADING!r}, and no object is saved")
        return runs


def _saved(path: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Yield saved results with the place of each key; numbers as they are written."""
    text = path.read_text(encoding="utf-8")
    decoder, at = json.JSONDecoder(parse_float=str, parse_int=str), 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        line = text.count("\n", 0, at) + 1
        try:
            result, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {error.lineno}: not JSON, or cut short: {error.msg}") from None
        if not isinstance(result, dict):
            raise ValueError(f"line {line}: a result is an object")
        yield result, {key: f"line {line + _lines_before(key, text[at:end])}" for key in result}
        at = end


def _lines_before(key: str, text: str) -> int:
    return text[: max(text.find(f'"{key}"'), 0)].count("\n")


def _shown(path: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Yield printed results with the line of each key."""
    result: dict[str, str] = {}
    places: dict[str, str] = {}
    for line, segment in segments(path):
        text = segment.decode(errors="replace")
        if HEADING in text:
            if result:
                yield result, places
            result, places = {}, {}
        elif (found := _LINE.match(text)) and found[1] in _PRINTED:
            key = _PRINTED[found[1]]
            result[key], places[key] = found[2], f"line {line}"
    if result:
        yield result, places


def _run(result: dict[str, Any], places: dict[str, str]) -> FoundRun:
    first = next(iter(places.values()), "line 1")
    run = FoundRun(first, _fields(result), date=_date(str(result.get("date", ""))))
    if int(float(result.get("failed") or 0)):
        raise ValueError(f"{places['failed']}: {result['failed']} requests failed: their times are in no figure")
    of = result.get("completed") or result.get("num_prompts") or "?"
    for kind, prefix in _KINDS.items():
        for short, name in _TIMES.items():
            key = f"{kind}_{short}_ms"
            if key in result:
                note = f"{kind} of {of} requests" if short != "itl" else f"{kind} of all gaps of {of} requests"
                run.figures[f"{prefix}{name}_seconds"] = _figure(result[key], "ms", places[key], note)
    for key, (name, unit) in _RATES.items():
        if key in result:
            run.figures[name] = _figure(result[key], unit, places[key], "")
    used = {*_FIELDS, *_RATES, "request_rate", "completed", "failed", "date"}
    used |= {f"{kind}_{short}_ms" for kind in _KINDS for short in _TIMES}
    run.ignored = {key for key, value in result.items() if key not in used and value is not None}
    return run


def _fields(result: dict[str, Any]) -> dict[str, Any]:
    fields = renamed(result, _FIELDS)
    fields |= {name: int(fields[name]) for name in ("prompts", "concurrency") if name in fields}
    rate = float(result.get("request_rate") or "inf")
    # All requests at once have no rate.
    return fields | ({"request_rate": rate} if math.isfinite(rate) else {})


def _figure(text: Any, unit: str, place: str, note: str) -> Figure:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{place}: {text} is no measurement")
    return printed([value], unit, place, max(shown_resolution(str(text)), math.ulp(value)), note)


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if re.match(r"\d{8}", text) else ""

"""Changing a few figures of the document fails exactly the cases whose verdict they change, with a readable diff."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llm_claims.evidence.evidence import Evidence

from . import real
from .miniature import QUICKLY, Json

Case = tuple[str, str]
DIFF = re.compile(r"(?P<claim>[\w-]+)(?: \[(?P<case>.*)\])? on document-2023: (?P<before>.*) → (?P<after>.*)")


@dataclass(frozen=True)
class Change:
    """One figure of one run, its new value, and what must become of one case."""

    workload: Json
    instance: str
    metric: str
    value: float
    case: Case
    before: str
    after: str


CHANGES = (
    Change(
        {"kind": "training", "precision": "bf16", "zero_stage": 3, "rdma": False},
        "p4d.24xlarge",
        "train_runtime_seconds",
        1500.0,
        ("train-speed-zero1-above-zero3", "bf16"),
        "reproduced 3.932",
        "contradicted 0.94",
    ),
    Change(
        {"kind": "generation", "engine": "accelerate", "precision": "fp16", "input_tokens": 750, "prompts": 1},
        "g5.xlarge",
        "latency_seconds",
        10.7,
        ("serve-a10g-faster-than-t4", "accelerate"),
        "reproduced 1.616",
        "contradicted 0.99",
    ),
    Change(
        {"kind": "training", "precision": "bf16", "zero_stage": 3, "rdma": True},
        "p4d.24xlarge",
        "rdma_speedup",
        4.0,
        ("train-speed-rdma-zero3", ""),
        "reproduced 3",
        "weakened 4",
    ),
)


def changed(whole: Json, change: Change) -> str:
    """Change the one figure in the recording; return the key of its run."""
    (entry,) = (
        entry
        for entry in whole["evidence"]
        if change.workload.items() <= entry["workload"].items()
        and entry["provenance"].get("instance_type") == change.instance
        and change.metric in entry["metrics"]
    )
    assert entry["metrics"][change.metric]["samples"] != [change.value]
    entry["metrics"][change.metric]["samples"] = [change.value]
    return Evidence.model_validate(entry).key


def lines(rows: list[Json]) -> dict[Case, tuple[Any, ...]]:
    """What of each case is accepted: verdict, effect and interval."""
    return {
        (row["claim"], row["case"]): (row["verdict"], *(f"{number:.4g}" for number in numbers(row))) for row in rows
    }


def numbers(row: Json) -> Iterator[float]:
    if row["effect"] is not None:
        yield row["effect"]
    yield from row["interval"] or ()


def test_exactly_the_cases_that_change_fail(pytester: pytest.Pytester, copy: Path, recorded: real.Run) -> None:
    path = copy / f"fixtures/sagemaker_llama/recordings/{real.DOCUMENT}.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    figures = {(changed(whole, change), change.metric) for change in CHANGES}
    path.write_text(json.dumps(whole), encoding="utf-8")
    result = pytester.runpytest_inprocess(*QUICKLY, *real.RECORDED, "--recording", str(path))
    after = lines(json.loads((copy / "report/verdicts.json").read_text(encoding="utf-8")))
    before = lines(recorded.rows(real.DOCUMENT))
    differ = {case for case in before if before[case] != after[case]}
    readers = {
        (row["claim"], row["case"])
        for row in recorded.rows(real.DOCUMENT, "figures.json")
        if (row["key"], row["metric"]) in figures
    }
    diffs = {(d["claim"], d["case"] or ""): d for line in result.outlines if (d := DIFF.fullmatch(line))}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == len(diffs)
    assert set(diffs) == differ <= readers
    for change in CHANGES:
        assert diffs[change.case]["before"].startswith(change.before)
        assert diffs[change.case]["after"].startswith(change.after)

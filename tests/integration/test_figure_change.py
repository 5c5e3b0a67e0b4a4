"""Changing one figure of the document fails exactly the cases whose verdict it changes, with a readable diff."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.base import Placed

from . import real
from .miniature import QUICKLY, REPOSITORY, Json

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


CHANGES = {
    "training-time": Change(
        {"kind": "training", "precision": "bf16", "zero_stage": 3, "rdma": False},
        "p4d.24xlarge",
        "train_runtime_seconds",
        1500.0,
        ("train-speed-zero1-above-zero3", "bf16"),
        "reproduced 3.932",
        "contradicted 0.94",
    ),
    "latency": Change(
        {"kind": "generation", "engine": "accelerate", "precision": "fp16", "input_tokens": 750, "prompts": 1},
        "g5.xlarge",
        "latency_seconds",
        10.7,
        ("serve-a10g-faster-than-t4", "accelerate"),
        "reproduced 1.616",
        "contradicted 0.99",
    ),
    "stated-factor": Change(
        {"kind": "training", "precision": "bf16", "zero_stage": 3, "rdma": True},
        "p4d.24xlarge",
        "rdma_speedup",
        4.0,
        ("train-speed-rdma-zero3", ""),
        "reproduced 3",
        "weakened 4",
    ),
}


def changed(whole: Json, change: Change) -> str:
    """Change the one figure in the recording; return the key of its run."""
    (entry,) = (
        entry
        for entry in whole["evidence"]
        if change.workload.items() <= entry["workload"].items()
        and entry["provenance"].get("instance_type") == change.instance
        and change.metric in entry["metrics"]
        and len(entry["metrics"]) > 0
    )
    assert entry["metrics"][change.metric]["samples"] != [change.value]
    entry["metrics"][change.metric]["samples"] = [change.value]
    evidence = Evidence.model_validate(entry)
    return Placed(evidence.workload, evidence.instance_type).key


def lines(rows: list[Json]) -> dict[Case, tuple[Any, ...]]:
    """What of each case is accepted: verdict, effect and interval."""
    return {
        (row["claim"], row["case"]): (row["verdict"], *(f"{number:.4g}" for number in numbers(row))) for row in rows
    }


def numbers(row: Json) -> Iterator[float]:
    if row["effect"] is not None:
        yield row["effect"]
    yield from row["interval"] or ()


@pytest.fixture
def copy(pytester: pytest.Pytester) -> Path:
    """A copy of this repository's claims."""
    for name in ("fixtures", "tests/claims"):
        shutil.copytree(REPOSITORY / name, pytester.path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pytest.ini", pytester.path)
    return pytester.path


@pytest.mark.parametrize("name", CHANGES)
def test_exactly_the_cases_that_change_fail(
    pytester: pytest.Pytester, copy: Path, recorded: real.Run, name: str
) -> None:
    change = CHANGES[name]
    path = copy / "fixtures/recordings/document-2023.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    key = changed(whole, change)
    path.write_text(json.dumps(whole), encoding="utf-8")

    result = pytester.runpytest_inprocess(*QUICKLY, *real.RECORDED)

    after = lines(json.loads((copy / "report/verdicts.json").read_text(encoding="utf-8")))
    before = lines(recorded.report("verdicts.json"))
    differ = {case for case in before if before[case] != after[case]}
    readers = {
        (row["claim"], row["case"])
        for row in recorded.report("figures.json")
        if (row["key"], row["metric"]) == (key, change.metric)
    }
    diffs = {(d["claim"], d["case"] or ""): d for line in result.outlines if (d := DIFF.fullmatch(line))}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == len(diffs)
    assert set(diffs) == differ
    assert change.case in differ
    assert differ <= readers
    assert diffs[change.case]["before"].startswith(change.before)
    assert diffs[change.case]["after"].startswith(change.after)

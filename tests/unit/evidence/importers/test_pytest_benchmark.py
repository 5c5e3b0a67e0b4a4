"""Results of pytest-benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_claims.errors import RecordingError, UsageError
from llm_claims.evidence.importers.assembling import imported
from llm_claims.evidence.importers.run import Run

Read = Callable[..., list[Run]]
STATS = {
    "min": 0.00101,
    "max": 0.00187,
    "mean": 0.00112,
    "stddev": 9e-05,
    "rounds": 893,
    "median": 0.0011,
    "ops": 892.8,
}


def result(*names: str, **fields: Any) -> str:
    whole = {
        "machine_info": {"machine": "x86_64", "python_version": "3.11.9", "cpu": {"brand_raw": "A processor"}},
        "commit_info": {"id": "0" * 40, "dirty": False},
        "benchmarks": [{"name": name, "fullname": f"test_it.py::{name}", "stats": STATS} for name in names],
        "datetime": "2026-03-01T10:15:02.000000+00:00",
    }
    return json.dumps({**whole, **fields}, indent=1)


def test_every_benchmark_is_a_run(read: Read) -> None:
    run, other = read(result("test_fast", "test_slow"), "benchmark.json")
    assert (run.fields["test"][0], other.fields["test"][0]) == ("test_it.py::test_fast", "test_it.py::test_slow")
    assert {name: (one.samples[0], one.resolution) for name, one in run.metrics.items()} == {
        "min_seconds": (0.00101, 1e-5),
        "max_seconds": (0.00187, 1e-5),
        "mean_seconds": (0.00112, 1e-5),
        "median_seconds": (0.0011, 1e-4),
        "rounds": (893, None),
    }
    assert run.left_out == {"stddev", "ops"}
    assert run.provenance == {
        "hardware": "A processor",
        "commit": "0" * 40,
        "date": "2026-03-01",
        "software": {"python": "3.11.9"},
    }


def test_two_files_of_one_test_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.json" for name in ("before", "after")]
    for path, mean in zip(paths, ("0.00112", "0.00212"), strict=True):
        path.write_text(result("test_fast").replace("0.00112", mean))
    settings = [f"{path}:variant={path.stem}" for path in paths]
    found = imported(paths, "both", format="auto", settings=settings).evidence
    assert [entry.workload.stated()["variant"] for entry in found] == ["before", "after"]
    with pytest.raises(UsageError, match="where FIELD is one of variant"):
        imported(paths, "both", format="auto", settings=[])


@pytest.mark.parametrize("setting", ["hardware=Another", "date=2025-01-01", "software.python=3.12"])
def test_a_setting_does_not_contradict_the_file(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(result("test_fast"))
    with pytest.raises(UsageError, match=f"--set {setting} contradicts .*it.json, which says '"):
        imported([path], "it", format="auto", settings=[setting])
    found = imported([path], "it", format="auto", settings=["software.numpy=2.1", "hardware=A processor"])
    assert found.evidence[0].provenance.software == {"python": "3.11.9", "numpy": "2.1"}


def test_changed_files_are_of_no_commit(read: Read) -> None:
    (run,) = read(result("test_fast", commit_info={"id": "0" * 40, "dirty": True}))
    assert run.provenance["commit"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (result(), "an object with a list of benchmarks is expected"),
        (result(benchmarks=[{"name": "test_fast"}]), "the benchmark 'test_fast' has no stats"),
        (result("test_fast").replace("0.00112", "NaN"), "line 20: mean_seconds is NaN, where a figure is needed"),
    ],
)
def test_what_cannot_be_trusted_is_refused(read: Read, text: str, said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read(text)
    assert said in str(caught.value)

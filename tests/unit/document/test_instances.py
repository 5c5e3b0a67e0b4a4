"""Instance types: looked up by name, never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_claims.document.instances import InstanceTable, read_instances
from llm_claims.errors import RecordingError, UsageError

A10G: dict[str, Any] = {
    "gpu": "A10G",
    "gpus": 1,
    "gpu_memory_gib": 24,
    "compute_capability": 8.6,
    "vcpus": 8,
    "host_memory_gib": 32,
    "usd_per_hour": 1.515,
    "price_resolution": 0.001,
    "efa_interfaces": 0,
    "gpudirect_rdma": False,
}


def written(folder: Path, **fields: object) -> Path:
    path = folder / "instances.json"
    table = {"dated": "2026-09-01", "source": "a price list", "instances": {"g5.2xlarge": {**A10G, **fields}}}
    path.write_text(json.dumps(table))
    return path


@pytest.fixture
def table(tmp_path: Path) -> InstanceTable:
    return read_instances(written(tmp_path))


@pytest.mark.parametrize("name", ["g5.2xlarge", "ml.g5.2xlarge"])
def test_an_instance_is_found_with_and_without_its_prefix(table: InstanceTable, name: str) -> None:
    assert table[name].gpu == "A10G"


@pytest.mark.parametrize("name", ["g5.2xlargee", "ml.ml.g5.2xlarge", "G5.2XLARGE", ""])
def test_an_unknown_instance_is_an_error_and_never_the_nearest(table: InstanceTable, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        table[name]
    assert str(caught.value) == f"unknown instance type {name!r}: known are g5.2xlarge"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("usd_per_hour", 0),
        ("usd_per_hour", "1.515"),
        ("gpu_memory_gib", float("nan")),
        ("color", "green"),
    ],
)
def test_a_spoiled_table_names_file_and_field(tmp_path: Path, field: str, value: object) -> None:
    path = written(tmp_path, **{field: value})
    with pytest.raises(RecordingError) as caught:
        read_instances(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert f"instances.g5.2xlarge.{field}: " in str(caught.value)

"""Recordings: files that are trusted only when every field of them can be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from builders import FIXTURES, MEASURED, failed, measured, printed_metric, put, recording, sampled_metric, witness_of

from llm_claims.errors import RecordingError
from llm_claims.evidence.recordings import EMULATED, read_recording, read_recordings, write_recording
from llm_claims.workloads.generation.defaults import GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.defaults import LoadingDefaults
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.defaults import TrainingDefaults
from llm_claims.workloads.training.workload import Training

Json = dict[str, Any]
REQUEST = Generation(
    model="llama-30m",
    precision="fp32",
    engine="transformers",
    api="generate",
    tensor_parallel_degree=1,
    input_tokens=10,
    new_tokens=4,
)
LOADING = Loading(model="llama-7b", precision="fp16", engine="deepspeed", checkpoint="bin")
LIVE = recording(
    measured(REQUEST, latency_seconds=sampled_metric("latency_seconds", 1.0, 1.1, 1.2)),
    measured(REQUEST, rounds=(1,), latency_seconds=printed_metric("latency_seconds", 5.1, 0.1)).model_copy(
        update={"provenance": MEASURED.model_copy(update={"instance_type": "g5.2xlarge"})}
    ),
    failed(LOADING, "out_of_memory", "Killed", provenance=MEASURED, witness=witness_of(LOADING)),
    name="cpu-2026-11",
    measured_on="cpu",
)


@pytest.fixture
def data() -> Json:
    found: Json = json.loads(LIVE.model_dump_json(exclude_none=True))
    return found


def fault(folder: Path, data: Json | str) -> str:
    """What reading says of a spoiled recording; it always names the file first."""
    path = folder / "spoiled.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(RecordingError) as caught:
        read_recording(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text


# What is trusted


def test_a_recording_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "cpu.json"
    write_recording(LIVE, path)
    assert read_recording(path) == LIVE
    assert "null" not in path.read_text()


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/recordings/*.json")), ids=lambda path: path.stem)
def test_recordings_of_version_1_are_read_and_written_as_version_2(path: Path, tmp_path: Path) -> None:
    old = read_recording(path)
    write_recording(old, tmp_path / path.name)
    new = read_recording(tmp_path / path.name)
    assert new == old
    assert [one.workload.digest for one in new.evidence] == [one.workload.digest for one in old.evidence]


def test_version_1_kept_the_defaults_of_every_kind_in_one_place(data: Json, tmp_path: Path) -> None:
    del data["defaults"]
    reference: Json = {
        "training": {"kind": "training", "ranks": 16},
        "pretrained_training": {"kind": "training", "samples": 283},
        "training_instance": "p4d.24xlarge",
        "samples_a_rank": {"random": 8},
        "generation": {"kind": "generation", "api": "pipeline"},
        "other_engine_generation": {"kind": "generation", "cache": "dynamic"},
        "loading": {"kind": "loading", "model_server": True},
        "analogues": {
            "rdma_transport": "p2p",
            "device_memory_gib": {"g5.xlarge": 24},
            "host_memory_to_weights": {"g4dn.xlarge": 1.185},
        },
    }
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**data, "schema_version": 1, "reference": reference}))
    found = read_recording(path)
    assert found.evidence == LIVE.evidence
    assert found.defaults == {
        "training": TrainingDefaults(
            fields=Training(ranks=16),
            pretrained=Training(samples=283),
            instance="p4d.24xlarge",
            samples_a_rank={"random": 8},
            rdma_transport="p2p",
        ),
        "generation": GenerationDefaults(
            fields=Generation(api="pipeline"),
            other_engine=Generation(cache="dynamic"),
            device_memory_gib={"g5.xlarge": 24},
        ),
        "loading": LoadingDefaults(fields=Loading(model_server=True), host_memory_to_weights={"g4dn.xlarge": 1.185}),
    }


# What is not


@pytest.mark.parametrize("share", [0.1, 0.999])
def test_a_truncated_file(tmp_path: Path, data: Json, share: float) -> None:
    whole = json.dumps(data, indent=1)
    assert "not JSON, or cut short, at line " in fault(tmp_path, whole[: int(len(whole) * share)])


@pytest.mark.parametrize("text", ["[]", '"a"', "1", "null", "true"])
def test_a_file_that_is_no_object(tmp_path: Path, text: str) -> None:
    assert "a recording is a JSON object, this is a" in fault(tmp_path, text)


@pytest.mark.parametrize("version", [0, 3, "1", None, True])
def test_another_schema_version(tmp_path: Path, data: Json, version: object) -> None:
    found = fault(tmp_path, {**data, "schema_version": version})
    assert f"schema_version is {version!r}, this version of llm-claims reads 1 and 2" in found
    assert "Record it again, or install the llm-claims that wrote it" in found


FIRST, LATENCY = "evidence.0", "evidence.0.metrics.latency_seconds"
SPOILED = [
    # what is put where, and the one line that says so
    ("colour", "green", "colour: there is no such field"),
    (f"{FIRST}.colour", "green", "evidence[0].colour: there is no such field"),
    (f"{FIRST}.workload", ..., "evidence[0].workload: is missing"),
    (f"{FIRST}.workload", "a request", "evidence[0].workload: a workload is an object with a kind, this is a str"),
    (f"{FIRST}.workload.kind", "inference", "evidence[0].workload: unknown kind of workload 'inference'; known are"),
    (f"{FIRST}.workload.kind", "load", "evidence[0].workload: unknown kind of workload 'load': did you mean 'loading'"),
    (f"{FIRST}.workload.tokens", 4, "evidence[0].workload.tokens: there is no such field"),
    (f"{FIRST}.workload.new_tokens", "4", "evidence[0].workload.new_tokens: Input should be a valid integer"),
    (f"{FIRST}.witness.dtype", "float32", "evidence[0].witness.dtype: there is no such field"),
    (f"{FIRST}.witness", 4, "evidence[0].witness: Input should be an object"),
    (f"{FIRST}.witness", ..., "evidence[0]: the witness does not match the workload: the run carries no witness"),
    (
        f"{FIRST}.witness.new_tokens",
        [3],
        "evidence[0]: the witness does not match the workload: new_tokens: asked (4,)",
    ),
    (f"{LATENCY}.unit", ..., "evidence[0].metrics.latency_seconds.unit: is missing"),
    (f"{LATENCY}.unit", "minutes", "evidence[0]: metric 'latency_seconds' is measured in 's', not 'minutes'"),
    (f"{LATENCY}.samples.1", float("nan"), "evidence[0].metrics.latency_seconds.samples[1]: nan is not a measurement"),
    (f"{LATENCY}.samples.1", "1.0", "evidence[0].metrics.latency_seconds.samples[1]: Input should be a valid number"),
    (f"{LATENCY}.samples.1", None, "evidence[0].metrics.latency_seconds.samples[1]: Input should be a valid number"),
    (f"{LATENCY}.samples.1", -1.1, "evidence[0].metrics.latency_seconds: a duration must be positive, got -1.1 s"),
    (f"{LATENCY}.samples", [1.0], "evidence[0]: metric 'latency_seconds' has 1 samples for 3 rounds"),
    (f"{FIRST}.metrics.latency", {}, "evidence[0].metrics.latency.unit: is missing"),
    (f"{FIRST}.outcome", {"kind": "failed"}, "evidence[0].outcome: an outcome of 'failed' needs the signature"),
    ("recorded", "2026-13-01", "recorded: Input should be a valid date"),
    ("evidence", [], "evidence: Tuple should have at least 1 item"),
    ("evidence.1.provenance.instance_type", ..., f"the file: two entries for {REQUEST.describe()}"),
    *(("name", name, "name: String should match pattern") for name in ("CPU 2026", "../cpu", "", "cpu\n")),
    ("defaults", [], "defaults: defaults are an object, by kind of workload"),
    ("defaults.loading", ..., "the file: defaults: none for loading"),
    ("defaults.sorting", {}, "defaults: unknown kind of workload 'sorting'"),
    ("defaults.generation.fields.tokens", 4, "defaults.generation.fields.tokens: there is no such field"),
    ("defaults.generation.fields.batch_size", 4, "defaults.generation: batch_size is never filled"),
    # where the figures come from
    ("measured_on", ..., "documented: a recording is either documented, or names in measured_on the live source"),
    ("documented", True, "documented: a recording is either documented, or names in measured_on the live source"),
    ("evidence.1.provenance.kind", "reported", "evidence[1].provenance.kind: must be 'measured' in a recording of"),
    (f"{FIRST}.workload.model", ..., "evidence[0].workload: a measured workload leaves open model"),
    (f"{FIRST}.provenance.hardware", f"{EMULATED}: a CPU", "evidence[0].provenance.hardware: it is from an emulator"),
]


@pytest.mark.parametrize(("path", "value", "said"), SPOILED, ids=[f"{path}={value!r}" for path, value, _ in SPOILED])
def test_a_spoiled_recording_names_the_field(tmp_path: Path, data: Json, path: str, value: object, said: str) -> None:
    put(data, path, value)
    assert f"\n  {said}" in fault(tmp_path, data)


def test_a_workload_that_cannot_be_read_is_one_fault(tmp_path: Path, data: Json) -> None:
    """Its witness cannot be read either, but that is no fault of the witness."""
    put(data, "evidence.0.workload.kind", "inference")
    assert "1 fault, mend it" in fault(tmp_path, data)


@pytest.mark.parametrize("reference", [[], {"analogues": 4}, {"training": 4}], ids=str)
def test_a_spoiled_file_of_version_1_is_not_told_to_change_its_version(
    tmp_path: Path, data: Json, reference: object
) -> None:
    del data["defaults"]
    found = fault(tmp_path, {**data, "schema_version": 1, "reference": reference})
    assert "defaults" in found
    assert "schema_version" not in found


# Several


def test_several_recordings_are_read_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.json" for name in ("b", "a")]
    for path in paths:
        write_recording(LIVE.model_copy(update={"name": path.stem}), path)
    assert [found.name for found in read_recordings(paths)] == ["b", "a"]


def test_two_recordings_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in paths:
        write_recording(LIVE, path)
    with pytest.raises(RecordingError) as caught:
        read_recordings(paths)
    assert str(caught.value) == f"{paths[0]} and {paths[1]} are both named 'cpu-2026-11': change one's `name`"


# Writing


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "cpu.json"
    path.write_text("precious")
    with pytest.raises(RecordingError, match=r"cpu\.json exists: a recording is never overwritten"):
        write_recording(LIVE, path)
    assert path.read_text() == "precious"


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordingError, match=r"cpu\.json: cannot be written: No space left on device"):
        write_recording(LIVE, tmp_path / "cpu.json")
    assert os.listdir(tmp_path) == []

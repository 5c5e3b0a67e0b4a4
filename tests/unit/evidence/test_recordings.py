"""Recordings: files that are trusted only when every field of them can be."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import (
    FIXTURES,
    MEASURED,
    count_metric,
    failed,
    measured,
    printed_metric,
    recording,
    sampled_metric,
    witness_of,
)
from llm_claims.errors import RecordingError
from llm_claims.evidence.recordings import (
    EMULATED,
    read_recording,
    read_recordings,
    write_recording,
)
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
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
ON_G5 = measured(REQUEST, rounds=(1,), latency_seconds=printed_metric("latency_seconds", 5.1, 0.1)).model_copy(
    update={"provenance": MEASURED.model_copy(update={"instance_type": "g5.2xlarge"})}
)
LATENCY = sampled_metric("latency_seconds", 1.0, 1.1, 1.2)

LOADING = Loading(model="llama-7b", precision="fp16", engine="deepspeed", checkpoint="bin")
LIVE = recording(
    measured(REQUEST, latency_seconds=LATENCY, new_tokens_per_sequence=count_metric("new_tokens_per_sequence", 4)),
    ON_G5,
    failed(LOADING, "out_of_memory", "Killed", provenance=MEASURED, witness=witness_of(LOADING)),
    name="cpu-2026-11",
    measured_on="cpu",
)


@pytest.fixture
def data() -> Json:
    found: Json = json.loads(LIVE.model_dump_json(exclude_none=True))
    return copy.deepcopy(found)


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


def test_the_document_survives_its_file(tmp_path: Path) -> None:
    document = read_recording(FIXTURES / "recordings" / "document-2023.json")
    write_recording(document, tmp_path / "again.json")
    assert read_recording(tmp_path / "again.json") == document
    for entry, again in zip(document.evidence, read_recording(tmp_path / "again.json").evidence, strict=True):
        assert entry.workload.digest == again.workload.digest


def test_a_recording_made_by_running_the_suite_documents_nothing() -> None:
    assert LIVE.documented is False
    assert LIVE.complete is True


# What is not


def test_what_is_not_json(tmp_path: Path) -> None:
    assert "not JSON, or cut short, at line 1" in fault(tmp_path, "latency: 5")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
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


def test_no_schema_version(tmp_path: Path, data: Json) -> None:
    del data["schema_version"]
    assert "schema_version is None" in fault(tmp_path, data)


def of_latency(**fields: object) -> Callable[[Json], None]:
    return lambda data: data["evidence"][0]["metrics"]["latency_seconds"].update(fields)


def of_entry(**fields: object) -> Callable[[Json], None]:
    return lambda data: data["evidence"][0].update(fields)


def of_workload(**fields: object) -> Callable[[Json], None]:
    return lambda data: data["evidence"][0]["workload"].update(fields)


def without_unit(data: Json) -> None:
    del data["evidence"][0]["metrics"]["latency_seconds"]["unit"]


def unknown_metric(data: Json) -> None:
    data["evidence"][0]["metrics"]["latency"] = data["evidence"][0]["metrics"].pop("latency_seconds")


def witness(**seen: object) -> Callable[[Json], None]:
    return lambda data: data["evidence"][0]["witness"].update(seen)


def only_reported(data: Json) -> None:
    data["evidence"][0]["provenance"]["kind"] = "reported"


def second_entry(data: Json) -> None:
    data["evidence"].append(data["evidence"][1])


LATENCIES = "evidence[0].metrics.latency_seconds"

SPOILED: list[tuple[str, Callable[[Json], None], str, str]] = [
    ("unknown workload kind", of_workload(kind="inference"), "evidence[0].workload", "'inference'"),
    ("no workload kind", lambda d: d["evidence"][0]["workload"].pop("kind"), "evidence[0].workload", "'kind'"),
    ("unknown field", lambda d: d.update(colour="green"), "colour", "not permitted"),
    ("unknown field of an entry", of_entry(colour="green"), "evidence[0].colour", "not permitted"),
    ("unknown field of a workload", of_workload(tokens=4), "evidence[0].workload.tokens", "not permitted"),
    ("unknown field of a witness", witness(dtype="float32"), "evidence[0].witness.dtype", "not permitted"),
    ("missing unit", without_unit, f"{LATENCIES}.unit", "Field required"),
    ("unknown unit", of_latency(unit="minutes"), f"{LATENCIES}.unit", "minutes"),
    ("NaN", of_latency(samples=[1.0, float("nan"), 1.2]), f"{LATENCIES}.samples[1]", "nan is not a measurement"),
    ("Infinity", of_latency(samples=[1.0, 1.1, float("inf")]), f"{LATENCIES}.samples[2]", "inf is not a measurement"),
    (
        "a number as text",
        of_latency(samples=["1.0", 1.1, 1.2]),
        f"{LATENCIES}.samples[0]",
        "valid number (given '1.0')",
    ),
    ("NaN as text", of_latency(samples=["NaN", 1.1, 1.2]), f"{LATENCIES}.samples[0]", "valid number (given 'NaN')"),
    ("null sample", of_latency(samples=[1.0, None, 1.2]), f"{LATENCIES}.samples[1]", "valid number"),
    ("negative duration", of_latency(samples=[1.0, -1.1, 1.2]), LATENCIES, "must be positive, got -1.1 s"),
    ("zero duration", of_latency(samples=[1.0, 0, 1.2]), LATENCIES, "must be positive, got 0 s"),
    ("empty sample list", of_latency(samples=[]), f"{LATENCIES}.samples", "at least 1 item"),
    ("one sample too few", of_latency(samples=[1.0, 1.1]), "evidence[0]", "2 samples for 3 rounds"),
    ("exact duration", of_latency(spread="exact"), LATENCIES, "a duration is never exact"),
    ("rounds that repeat", of_entry(rounds=[1, 2, 2]), "evidence[0]", "rounds must ascend"),
    ("witness mismatch", witness(new_tokens=[3]), "evidence[0]", "new_tokens: asked (4,), the run saw (3,)"),
    ("witness silent", witness(forward_dtypes=None), "evidence[0]", "the run saw None"),
    ("no witness", lambda d: d["evidence"][0].pop("witness"), "evidence[0]", "the run carries no witness"),
    ("unknown metric", unknown_metric, "evidence[0]", "unknown metric 'latency'"),
    ("wrong unit for the metric", of_latency(unit="s/step"), "evidence[0]", "measured in 's', not 's/step'"),
    (
        "sampled but only reported",
        lambda d: d["evidence"][0]["provenance"].update(kind="reported"),
        "evidence[0]",
        "rep",
    ),
    ("failure without a signature", of_entry(outcome={"kind": "failed"}), "evidence[0].outcome", "signature"),
    ("unknown outcome", of_entry(outcome={"kind": "slow"}), "evidence[0].outcome.kind", "slow"),
    ("date that is none", lambda d: d.update(recorded="2026-13-01"), "recorded", "date"),
    ("no evidence", lambda d: d.update(evidence=[]), "evidence", "at least 1 item"),
    ("two entries of one workload", second_entry, "the file", f"two entries for {REQUEST.describe()} on g5.2xlarge"),
    ("a name for no file", lambda d: d.update(name="CPU 2026"), "name", "pattern"),
    ("a name that is a path", lambda d: d.update(name="../cpu"), "name", "pattern"),
    ("an empty name", lambda d: d.update(name=""), "name", "pattern"),
    ("a name and a line", lambda d: d.update(name="cpu\n"), "name", "pattern"),
    ("a batch size to fill in", lambda d: d["defaults"]["generation"]["fields"].update(batch_size=4), "defaults", "batch_size"),
]


@pytest.mark.parametrize(("spoil", "where", "what"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_a_spoiled_recording_names_the_field(
    tmp_path: Path, data: Json, spoil: Callable[[Json], object], where: str, what: str
) -> None:
    spoil(data)
    lines = [line for line in fault(tmp_path, data).splitlines()[1:] if line.startswith(f"  {where}: ")]
    assert lines, "the field is not named"
    assert any(what in line for line in lines)


def test_one_workload_on_two_instances_is_two_entries(data: Json, tmp_path: Path) -> None:
    second = copy.deepcopy(data["evidence"][1])
    second["provenance"]["instance_type"] = "g5.xlarge"
    data["evidence"].append(second)
    path = tmp_path / "two.json"
    path.write_text(json.dumps(data))
    assert len(read_recording(path).evidence) == 4


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
    assert os.listdir(tmp_path) == ["cpu.json"]


def test_writing_leaves_one_file(tmp_path: Path) -> None:
    write_recording(LIVE, tmp_path / "cpu.json")
    assert os.listdir(tmp_path) == ["cpu.json"]


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordingError, match=r"cpu\.json: cannot be written: No space left on device"):
        write_recording(LIVE, tmp_path / "cpu.json")
    assert os.listdir(tmp_path) == []


def test_what_is_written_is_readable_by_people(tmp_path: Path) -> None:
    write_recording(LIVE, tmp_path / "cpu.json")
    text = (tmp_path / "cpu.json").read_text()
    assert text.endswith("}\n")
    assert "null" not in text
    assert len(text.splitlines()) > 50


# Where the figures come from


def undocumented(data: Json) -> None:
    data.pop("measured_on")


def both(data: Json) -> None:
    data["documented"] = True


def typed_in(data: Json) -> None:
    data["evidence"][1]["provenance"]["kind"] = "reported"


def left_open(data: Json) -> None:
    del data["evidence"][0]["workload"]["model"]
    del data["evidence"][0]["witness"]["model"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (undocumented, "documented: a recording is either documented, or names in measured_on the live source"),
        (both, "documented: a recording is either documented, or names in measured_on the live source"),
        (typed_in, "evidence[1].provenance.kind: must be 'measured' in a recording of this origin"),
        (left_open, "evidence[0].workload: a measured workload leaves open model"),
    ],
)
def test_a_figure_never_passes_for_a_measurement(
    data: Json, tmp_path: Path, spoil: Callable[[Json], None], words: str
) -> None:
    spoil(data)
    assert words in fault(tmp_path, data)


@pytest.mark.parametrize("name", ["new_tokens_per_sequence"])
def test_a_count_agrees_with_its_witness(data: Json, tmp_path: Path, name: str) -> None:
    data["evidence"][0]["metrics"][name]["samples"] = [5]
    assert f"metric '{name}' is 5, its witness saw (4,)" in fault(tmp_path, data)


def test_an_emulators_figures_are_refused(tmp_path: Path) -> None:
    """Nobody may type the file by hand either: its provenance names where the figures are from."""
    filled = Generation(
        model="llama-30m",
        precision="fp32",
        engine="transformers",
        api="generate",
        tensor_parallel_degree=1,
        input_tokens=10,
        new_tokens=64,
    )
    entry = measured(filled, latency_seconds=sampled_metric("latency_seconds", 1.0, 1.0, 1.0))
    emulated = entry.provenance.model_copy(update={"hardware": f"{EMULATED}: a CPU, 2 cores"})
    path = tmp_path / "mine.json"
    whole = recording(entry.model_copy(update={"provenance": emulated}), documented=False, measured_on="sagemaker")
    write_recording(whole, path)
    with pytest.raises(RecordingError, match="an emulator gave it, and its figures are no evidence"):
        read_recording(path)

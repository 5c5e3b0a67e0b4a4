"""The published schemas: those of the code, and true of the files."""

from __future__ import annotations

import json
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import FIXTURES, measured, recording, row, sampled_metric
from jsonschema import Draft202012Validator

from llm_claims.judging.rows import FigureList, FigureRow, VerdictList
from llm_claims.relations.verdict import Word
from llm_claims.report.schemas import DIALECT, schema_texts, write_schemas
from llm_claims.workloads.generation.workload import Generation

NAMES = ("workload", "evidence", "recording", "register", "instances", "verdicts", "figures")
DOCUMENT = FIXTURES / "recordings" / "document-2023.json"


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads(schema_texts()[f"{name}.schema.json"])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(name: str, data: Any) -> list[str]:
    return [error.json_path for error in validator(name).iter_errors(data)]


def test_the_published_schemas_are_those_of_the_code() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in (FIXTURES / "schemas").iterdir()}
    assert published == schema_texts(), "write them anew: llm-claims schemas fixtures/schemas"


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one(name: str) -> None:
    assert validator(name).schema["$schema"] == DIALECT


def test_there_are_no_other_schemas() -> None:
    assert {name.removesuffix(".schema.json") for name in schema_texts()} == set(NAMES)


def test_schemas_are_written(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "schemas")
    assert sorted(path.name for path in written) == sorted(os.listdir(tmp_path / "schemas"))
    assert {path.name: path.read_text(encoding="utf-8") for path in written} == schema_texts()


def test_the_document_is_a_recording() -> None:
    data = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    assert faults("recording", data) == []
    for entry in data["evidence"]:
        assert faults("evidence", entry) == []


def test_a_live_recording_is_one() -> None:
    live = recording(measured(Generation(), latency_seconds=sampled_metric("latency_seconds", 1.0, 1.1, 1.2)))
    assert faults("recording", json.loads(live.model_dump_json(exclude_none=True))) == []
    assert faults("recording", json.loads(live.model_dump_json())) == []


def test_the_register_and_the_instances_fit() -> None:
    assert faults("register", tomllib.loads((FIXTURES / "claims.toml").read_text(encoding="utf-8"))) == []
    assert faults("instances", json.loads((FIXTURES / "instances.json").read_text(encoding="utf-8"))) == []


def test_verdicts_fit() -> None:
    rows = [row(word, effect=1.5, interval=(1.2, 1.9), n=3, reason="why", case="bf16") for word in Word]
    data = json.loads(VerdictList([*rows, row(Word.UNTESTABLE)]).model_dump_json())
    assert len(data) == 7
    assert faults("verdicts", data) == []
    figures = FigureList([FigureRow(claim="a", case="", source="cpu", workload="W", key="12", metric="outcome")])
    assert faults("figures", json.loads(figures.model_dump_json())) == []


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("verdict", "proved", "$[0].verdict"),
        ("interval", [1.0], "$[0].interval"),
        ("n", -1, "$[0].n"),
        ("effect", "big", "$[0].effect"),
        ("colour", "green", "$[0]"),
    ],
)
def test_what_is_no_verdict_does_not_fit(field: str, value: object, where: str) -> None:
    data = json.loads(VerdictList([row(Word.REPRODUCED)]).model_dump_json())
    data[0][field] = value
    assert faults("verdicts", data) == [where]


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("schema_version",), 2, "$.schema_version"),
        (("name",), "A name", "$.name"),
        (("colour",), "green", "$"),
        (("evidence",), [], "$.evidence"),
        (("evidence", 0, "rounds"), [0], "$.evidence[0].rounds[0]"),
        (("evidence", 0, "metrics", "train_loss", "samples"), [], "$.evidence[0].metrics.train_loss.samples"),
        (("evidence", 0, "metrics", "train_loss", "samples"), ["5"], "$.evidence[0].metrics.train_loss.samples[0]"),
        (("evidence", 0, "metrics", "train_loss", "samples"), [True], "$.evidence[0].metrics.train_loss.samples[0]"),
        (("evidence", 0, "metrics", "train_loss", "unit"), "minutes", "$.evidence[0].metrics.train_loss.unit"),
        (("evidence", 0, "outcome", "kind"), "slow", "$.evidence[0].outcome.kind"),
        (("evidence", 0, "workload", "zero_stage"), 2, "$.evidence[0].workload"),
    ],
)
def test_what_is_no_recording_does_not_fit(path: tuple[Any, ...], value: object, where: str) -> None:
    data = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    *folders, name = path
    spoiled = data
    for folder in folders:
        spoiled = spoiled[folder]
    spoiled[name] = value
    assert faults("recording", data) == [where]

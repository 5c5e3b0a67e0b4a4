"""The published schemas: those of the code and the registered kinds, and true of the files."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, ClassVar

import pytest
from builders import FIXTURES, MEASURED, failed, measured, put, recording, row, sampled_metric, witness_of
from jsonschema import Draft202012Validator

from llm_claims.evidence.evidence import Evidence, Samples
from llm_claims.evidence.version1 import upgraded
from llm_claims.judging.rows import FigureList, FigureRow, VerdictList
from llm_claims.relations.verdict import Word
from llm_claims.report.schemas import DIALECT, schema_texts, write_schemas
from llm_claims.workloads import base, built_in, registry, witness
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.training.workload import Training

Validators = dict[str, Draft202012Validator]
NAMES = ("workload", "evidence", "recording", "register", "instances", "verdicts", "history-line", "figures")


class Sorting(base.Workload):
    elements: int | None = None

    class Witness(witness.Witness):
        elements: int

    metrics: ClassVar = {"elements_per_second": Metric(unit="elements/s", nature="timed")}


@pytest.fixture(autouse=True)
def only_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests of this process have registered."""
    monkeypatch.setattr(registry, "_KINDS", {})
    registry.register(*built_in())


def validators() -> Validators:
    schemas = {name.removesuffix(".schema.json"): json.loads(text) for name, text in schema_texts().items()}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {name: Draft202012Validator(schema) for name, schema in schemas.items()}


@pytest.fixture(scope="module")
def published() -> Validators:
    texts = {path.name.partition(".")[0]: path.read_text(encoding="utf-8") for path in (FIXTURES / "schemas").iterdir()}
    return {name: Draft202012Validator(json.loads(text)) for name, text in texts.items()}


def faults(validator: Draft202012Validator, data: Any) -> list[str]:
    return [error.json_path for error in validator.iter_errors(data)]


def as_json(model: Any, **options: bool) -> Any:
    return json.loads(model.model_dump_json(**options))


LIVE = recording(
    measured(Generation(), latency_seconds=sampled_metric("latency_seconds", 1.0, 1.1, 1.2)),
    measured(Training(ranks=2)),
    failed(Loading(model="llama-7b"), "out_of_memory", "Killed", provenance=MEASURED, witness=witness_of(Loading())),
)


def test_the_published_schemas_are_those_of_the_code(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "schemas")
    assert sorted(path.name for path in written) == sorted(os.listdir(FIXTURES / "schemas"))
    for path in written:
        published = (FIXTURES / "schemas" / path.name).read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8") == published, "write them anew: llm-claims schemas fixtures/schemas"


def test_every_format_has_a_schema() -> None:
    found = validators()
    assert set(found) == set(NAMES)
    assert {validator.schema["$schema"] for validator in found.values()} == {DIALECT}


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/recordings/*.json")), ids=lambda path: path.stem)
def test_recordings_fit(published: Validators, path: Path) -> None:
    data = upgraded(json.loads(path.read_text(encoding="utf-8")))
    assert faults(published["recording"], data) == []
    assert faults(published["evidence"], data["evidence"][0]) == []
    assert faults(published["workload"], data["evidence"][0]["workload"]) == []


@pytest.mark.parametrize("exclude_none", [True, False])
def test_a_live_recording_fits(published: Validators, exclude_none: bool) -> None:
    assert faults(published["recording"], as_json(LIVE, exclude_none=exclude_none)) == []


def test_what_else_is_read_or_written_fits(published: Validators) -> None:
    rows = [row(word, effect=1.5, interval=(1.2, 1.9), n=3, reason="why", case="bf16") for word in Word]
    figures = [FigureRow(claim="a", case="", source="cpu", workload="W", key="12", metric="outcome")]
    for name, data in {
        "register": tomllib.loads((FIXTURES / "sagemaker_llama/claims.toml").read_text(encoding="utf-8")),
        "instances": json.loads((FIXTURES / "instances.json").read_text(encoding="utf-8")),
        "verdicts": as_json(VerdictList([*rows, row(Word.UNTESTABLE)])),
        "figures": as_json(FigureList(figures)),
    }.items():
        assert faults(published[name], data) == [], name


def test_a_kind_of_ones_own_is_in_the_schemas(published: Validators) -> None:
    registry.register(Sorting)
    speed = Samples(unit="elements/s", spread="sampled", samples=(7.0,))
    sorted_here = Evidence(
        workload=Sorting(elements=4),
        metrics={"elements_per_second": speed},
        witness=Sorting.Witness(elements=4),
        provenance=MEASURED,
    )
    data = as_json(recording(sorted_here))
    assert faults(validators()["recording"], data) == []
    assert faults(published["recording"], data) == ["$.defaults", "$.evidence[0].workload", "$.evidence[0].witness"]


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
def test_what_is_no_verdict_does_not_fit(published: Validators, field: str, value: object, where: str) -> None:
    data = as_json(VerdictList([row(Word.REPRODUCED)]))
    data[0][field] = value
    assert faults(published["verdicts"], data) == [where]


LATENCY = "evidence.0.metrics.latency_seconds"


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("schema_version", 1, "$.schema_version"),
        ("name", "A name", "$.name"),
        ("colour", "green", "$"),
        ("evidence", [], "$.evidence"),
        ("evidence.0.rounds", [0], "$.evidence[0].rounds[0]"),
        (f"{LATENCY}.samples", [], "$.evidence[0].metrics.latency_seconds.samples"),
        (f"{LATENCY}.samples", ["5"], "$.evidence[0].metrics.latency_seconds.samples[0]"),
        (f"{LATENCY}.samples", [True], "$.evidence[0].metrics.latency_seconds.samples[0]"),
        (f"{LATENCY}.unit", 4, "$.evidence[0].metrics.latency_seconds.unit"),
        ("evidence.0.outcome.kind", "slow", "$.evidence[0].outcome.kind"),
        ("evidence.0.workload.kind", "inference", "$.evidence[0].workload"),
        ("evidence.0.workload", {"new_tokens": 4}, "$.evidence[0].workload"),
        ("evidence.0.witness.new_tokens", "4", "$.evidence[0].witness"),
        ("defaults.generation.fields.zero_stage", 2, "$.defaults.generation.fields"),
    ],
)
def test_what_is_no_recording_does_not_fit(published: Validators, path: str, value: object, where: str) -> None:
    data = as_json(LIVE)
    put(data, path, value)
    assert faults(published["recording"], data) == [where]

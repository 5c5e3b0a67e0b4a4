"""The registry: a kind is known by its name, is complete, and shares its metrics' meaning with all others."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from llm_claims.errors import UsageError
from llm_claims.workloads import built_in, registry
from llm_claims.workloads.base import Workload
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.registry import AnyWorkload, DefaultsByKind, kind_named, kinds, register
from llm_claims.workloads.training.defaults import TrainingDefaults
from llm_claims.workloads.training.workload import Training
from llm_claims.workloads.witness import Witness


def sorting(**attributes: Any) -> type[Workload]:
    """A new class of this name each time."""

    class Sorting(Workload):
        """Sorting one array."""

        elements: int | None = None

        class Witness(Witness):
            elements: int | None = None

    for name, value in attributes.items():
        setattr(Sorting, name, value)
    return Sorting


class Blind(Workload):
    """Its runs show neither how many elements they had nor which."""

    elements: int | None = None
    seed: int | None = None


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what is registered as it was."""
    monkeypatch.setattr(registry, "_KINDS", {kind.__name__.lower(): kind for kind in built_in()})


def test_a_kind_is_known_by_its_name_once_it_is_registered() -> None:
    with pytest.raises(ValueError, match="unknown kind of workload 'sorting'"):
        kind_named("sorting")
    kind = sorting()
    register(kind)
    assert kind_named("sorting") is kind
    assert kinds() == (*built_in(), kind)


def test_to_register_a_kind_again_changes_nothing_but_its_class() -> None:
    """A module that is imported twice, as ``__main__`` is, has two classes of one name."""
    again = sorting()
    register(*built_in(), sorting(), again)
    assert kinds() == (*built_in(), again)


def test_two_kinds_of_one_name_are_refused() -> None:
    other = sorting(__qualname__="Sorting")
    register(other)
    with pytest.raises(
        UsageError, match=r"test_registry\.Sorting is named 'sorting' too: rename one of the two classes"
    ):
        register(sorting())
    assert kind_named("sorting") is other


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        (
            Metric(unit="ms", nature="timed"),
            "metric 'latency_seconds' is timed, in 's', for Generation: name yours other",
        ),
        (Metric(unit="s", nature="noisy"), "metric 'latency_seconds' is timed, in 's', for Generation"),
        (Metric(unit="s", nature="timed", optional=True), None),
    ],
)
def test_a_metric_of_one_name_means_one_thing(metric: Metric, fault: str | None) -> None:
    kind = sorting(metrics={"latency_seconds": metric})
    if fault is None:
        register(kind)
    else:
        with pytest.raises(UsageError, match=fault):
            register(kind)
        assert kind not in kinds()


def test_a_witness_without_a_field_that_may_be_stated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError, match=r"Blind: its Witness has no field for elements, seed: add it, or name it in `un"
    ):
        register(Blind)
    monkeypatch.setattr(Blind, "unwitnessed", frozenset({"elements", "seed"}))
    register(Blind)


def test_who_says_what_its_runs_owe_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blind, "expected", lambda self: iter([("device", "cpu")]))
    register(Blind)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("trainin", ": did you mean 'training'?"), ("zzz", "; known are training, generation, loading"), (None, "None")],
)
def test_an_unknown_kind_is_told_with_the_nearest_or_all(name: Any, hint: str) -> None:
    with pytest.raises(ValueError, match="unknown kind of workload") as caught:
        kind_named(name)
    assert hint in str(caught.value)


# As fields of a model

WORKLOAD: TypeAdapter[Workload] = TypeAdapter(AnyWorkload)
DEFAULTS: TypeAdapter[dict[str, Any]] = TypeAdapter(DefaultsByKind)


def test_a_workload_is_read_as_its_kind_and_written_as_it_was() -> None:
    for text in ('{"kind":"generation","prompts":2}', '{"kind":"training","zero_stage":3}'):
        found = WORKLOAD.validate_json(text)
        assert type(found) is kind_named(found.kind)
        assert WORKLOAD.dump_json(found, exclude_none=True).decode() == text
        assert WORKLOAD.validate_python(found) is found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"kind": "inference"}', "unknown kind of workload 'inference'"),
        ("[]", "a workload is an object with a kind, this is a list"),
        ('{"kind": "generation", "prompts": 2.5}', "prompts"),
        ('{"kind": "generation", "zero_stage": 3}', "zero_stage"),
    ],
)
def test_what_is_no_workload_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        WORKLOAD.validate_json(text)


def test_defaults_are_read_as_their_kind_keeps_them() -> None:
    given = {"training": TrainingDefaults(fields=Training(ranks=2), rdma_transport="p2p", instance="p4d.24xlarge")}
    assert DEFAULTS.validate_json(DEFAULTS.dump_json(given, exclude_none=True)) == given
    for text, fault in (
        ("[]", "by kind of workload"),
        ('{"trainin": {}}', "did you mean"),
        ('{"training": 1}', "object"),
    ):
        with pytest.raises(ValidationError, match=fault):
            DEFAULTS.validate_json(text)


def test_schemas_have_every_kind_that_is_registered() -> None:
    assert len(WORKLOAD.json_schema()["oneOf"]) == 4
    register(sorting())
    assert len(WORKLOAD.json_schema()["oneOf"]) == 5
    assert set(DEFAULTS.json_schema()["properties"]) == {"training", "generation", "loading", "benchmark", "sorting"}

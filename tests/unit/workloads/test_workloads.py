"""Workloads: frozen, named by a digest that never changes, and filled only where they are open."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import ClassVar

import pytest
from fake_gpus import FakeGpus
from pydantic import ValidationError

from llm_claims.workloads import built_in
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.hardware import Processor
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.training.workload import Training

STABLE = {
    # These names stand in recordings' figures, in stores and in reports: a change orphans all of them.
    # printf '{"kind":"generation","prompts":1}' | sha256sum | cut -c1-16
    "88bb099d8efbd5ac": Generation(),
    "c7a632169a1f8ef1": Training(model="llama-7b", precision="bf16", zero_stage=1, rdma=False, learning_rate=1e-5),
}

PRINT_DIGEST = """
from llm_claims.workloads.training.workload import Training
print(Training(zero_stage=1, learning_rate=1e-5, rdma=False).digest)
"""
KINDS = pytest.mark.parametrize("kind", built_in(), ids=lambda kind: kind.__name__)


@KINDS
def test_a_workload_cannot_change_and_has_only_its_own_fields(kind: type[Workload]) -> None:
    assert kind().kind == kind.__name__.lower()
    with pytest.raises(ValidationError, match="frozen"):
        kind().model = "llama-13b"
    for field, value in (("modle", "llama-7b"), ("kind", "sorting")):
        with pytest.raises(ValidationError, match=field):
            kind(**{field: value})


@pytest.mark.parametrize("rate", [float("inf"), float("nan")])
def test_what_is_no_number_is_no_workload(rate: float) -> None:
    with pytest.raises(ValidationError, match="learning_rate"):
        Training(learning_rate=rate)


# The digest


@pytest.mark.parametrize(("digest", "workload"), STABLE.items(), ids=[w.describe() for w in STABLE.values()])
def test_the_digest_never_changes(digest: str, workload: Workload) -> None:
    assert workload.digest == digest


def test_the_digest_is_the_same_in_every_process() -> None:
    command = [sys.executable, "-c", PRINT_DIGEST]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
    assert printed.strip() == Training(zero_stage=1, learning_rate=1e-5, rdma=False).digest


@pytest.mark.parametrize("deep", [True, False])
def test_a_copy_has_the_digest_of_its_own_fields(deep: bool) -> None:
    """Also where that of the original was asked for before."""
    original = Generation(model="llama-7b", tensor_parallel_degree=1)
    before = original.digest
    copy = original.model_copy(update={"tensor_parallel_degree": 2}, deep=deep)
    assert copy.digest == Generation(model="llama-7b", tensor_parallel_degree=2).digest != before
    assert original.digest == before


def test_open_fields_are_no_part_of_the_digest() -> None:
    spelled_out = dict.fromkeys(name for name in Generation.model_fields if name not in ("kind", "prompts"))
    assert Generation(**spelled_out).digest == Generation().digest


def test_order_of_the_fields_is_no_part_of_the_digest() -> None:
    fields = {"model": "llama-7b", "precision": "fp16", "prompts": 4, "batch_size": 4}
    assert Generation(**fields).digest == Generation(**dict(reversed(fields.items()))).digest


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@KINDS
def test_every_stated_field_changes_the_digest(kind: type[Workload]) -> None:
    fields = set(kind.model_fields) - {"kind"}
    digests = {kind.model_construct(**{name: 3}).digest for name in fields} | {kind().digest}
    assert len(digests) == len(fields) + 1, "two of these workloads have one name"


def test_false_is_stated_and_not_open() -> None:
    assert len({Training(rdma=flag).digest for flag in (None, False, True)}) == 3


def test_reading_the_digest_changes_neither_equality_nor_hash() -> None:
    read, unread = Generation(prompts=2), Generation(prompts=2)
    assert len(read.digest) == 16
    assert read == unread
    assert {read, unread} == {unread}
    assert read.model_dump_json() == unread.model_dump_json()


# Filling


def test_only_open_fields_are_filled() -> None:
    filled = Generation(precision="fp16", prompts=4).filled({"precision": "bf16", "model": "llama-7b"})
    assert filled == Generation(precision="fp16", model="llama-7b", prompts=4)


def test_false_and_the_default_are_kept_by_a_fill() -> None:
    assert Training(rdma=False).filled({"rdma": True}).rdma is False
    assert Generation().filled({"prompts": 8}).prompts == 1, "a default is a statement: only None is open"


def test_filling_leaves_the_original_open() -> None:
    original = Generation()
    original.filled({"model": "llama-7b"})
    assert original.model is None


@pytest.mark.parametrize(("field", "value"), [("zero_stage", 1), ("precision", "int4")])
def test_defaults_that_do_not_fit_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Generation().filled({field: value})


# Describing


def test_the_description_names_what_is_stated_and_not_default() -> None:
    assert Generation().describe() == "Generation()"
    assert Generation(precision="bf16", prompts=4).describe() == "Generation(precision=bf16, prompts=4)"
    assert Training(zero_stage=3, rdma=False).describe() == "Training(zero_stage=3, rdma=False)"


# A kind that says no more than it must


class Sorting(Workload):
    """Sorting one array."""

    elements: int | None = None
    metrics: ClassVar = {"elements_per_second": Metric(unit="elements/s", nature="timed")}
    defaults: ClassVar = {"cpu": {"elements": 1000}, "gpu": {"elements": 10**9}}
    program = ("python", "-m", "sorting")


def test_a_kind_has_defaults_on_the_hardware_that_it_names() -> None:
    assert Sorting.defaults_on(Processor()) == Defaults[Sorting](fields=Sorting(elements=1000))
    assert Sorting.defaults_on(FakeGpus(1)).fields_for(Sorting()) == {"elements": 10**9}
    assert Workload.defaults_on(Processor()) is None
    assert Sorting.defaults_on(Processor()).analogue(Sorting(), "g5.xlarge") == (Sorting(), "g5.xlarge", "")


def test_its_program_is_told_of_a_device_that_is_no_processor() -> None:
    assert Sorting.command("cpu") == ("python", "-m", "sorting")
    assert Sorting.command("cuda") == ("python", "-m", "sorting", "--device", "cuda")


def test_another_metric_is_refused_with_the_nearest_or_all() -> None:
    assert Sorting.metric("elements_per_second").timed
    with pytest.raises(ValueError, match="Sorting has no metric 'element_per_second': did you mean 'elements_per"):
        Sorting.metric("element_per_second")
    with pytest.raises(ValueError, match="Sorting has no metric 'speed'; it has elements_per_second"):
        Sorting.metric("speed")


def test_its_rounds_are_seeds_from_weights_of_nobody() -> None:
    assert (Sorting().fixed_seed, Sorting().starts_from_a_stand_in) == (None, False)
    assert (Training(seed=7).fixed_seed, Training(initial_weights="pretrained").starts_from_a_stand_in) == (7, True)
    assert not Training(initial_weights="random").starts_from_a_stand_in

"""Workloads: frozen, named by a digest that never changes, and filled only where they are open."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

STABLE = {
    # These names stand in recordings' figures, in stores and in reports: a change orphans all of them.
    # printf '{"kind":"generation","prompts":1}' | sha256sum | cut -c1-16
    "88bb099d8efbd5ac": Generation(),
    "c7a632169a1f8ef1": Training(model="llama-7b", precision="bf16", zero_stage=1, rdma=False, learning_rate=1e-5),
}

PRINT_DIGESTS = """
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training
print(Generation(model="llama-7b", input_tokens=10).digest)
print(Training(zero_stage=1, learning_rate=1e-5, rdma=False).digest)
print(Loading(device_map="auto").digest)
"""


@pytest.mark.parametrize("workload", [Generation(), Training(), Loading()], ids=lambda workload: workload.kind)
def test_a_workload_cannot_change(workload: Workload) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        workload.model = "llama-13b"


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Generation, "prompt", 4),
        (Generation, "prompts", 0),
        (Generation, "new_tokens", -1),
        (Generation, "batch_size", 0),
        (Generation, "precision", "int8"),
        (Generation, "kind", "training"),
        (Training, "zero_stage", 2),
        (Training, "warmup_steps", -1),
        (Training, "learning_rate", 0.0),
        (Training, "learning_rate", float("inf")),
        (Training, "learning_rate", float("nan")),
        (Loading, "device_map", "cuda"),
    ],
)
def test_what_is_no_workload_is_refused(kind: type[Workload], field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        kind(**{field: value})


def test_kind_tells_which_workload_a_file_means() -> None:
    read = TypeAdapter(Workload).validate_python
    assert read({"kind": "generation", "prompts": 2}) == Generation(prompts=2)
    assert read({"kind": "training", "zero_stage": 3}) == Training(zero_stage=3)
    with pytest.raises(ValidationError, match="benchmark"):
        read({"kind": "benchmark"})


# The digest


@pytest.mark.parametrize(("digest", "workload"), STABLE.items(), ids=[w.describe() for w in STABLE.values()])
def test_the_digest_never_changes(digest: str, workload: Workload) -> None:
    assert workload.digest == digest


def test_the_digest_is_the_same_in_every_process() -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGESTS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    here = [
        Generation(model="llama-7b", input_tokens=10).digest,
        Training(zero_stage=1, learning_rate=1e-5, rdma=False).digest,
        Loading(device_map="auto").digest,
    ]
    assert printed == [here, here]


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


def test_every_stated_field_changes_the_digest() -> None:
    values = {
        "training": {
            "model": "m",
            "precision": "bf16",
            "parallelism": "smp",
            "new_token_init": "mean",
            "logger": "keras",
            "learning_rate": 0.5,
            "initial_loss_scale": 2.0,
            "transport": "shm",
            "initial_weights": "random",
        },
        "generation": {"model": "m", "precision": "bf16", "engine": "deepspeed", "api": "generate", "cache": "static"},
        "loading": {
            "model": "m",
            "precision": "bf16",
            "engine": "deepspeed",
            "device_map": "auto",
            "checkpoint": "bin",
        },
    }
    flags = {"rdma", "gradient_checkpointing", "low_cpu_mem_usage", "model_server"}
    seen = set()
    for kind in (Training, Generation, Loading):
        stated = [kind()]
        for name in kind.model_fields:
            if name != "kind":
                value = values[kind().kind].get(name, False if name in flags else 3)
                stated.append(kind(**{name: value}))
        digests = {workload.digest for workload in stated}
        assert len(digests) == len(kind.model_fields), "two of these workloads have one name"
        seen |= digests
    assert len(seen) == sum(len(kind.model_fields) for kind in (Training, Generation, Loading))


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


@pytest.mark.parametrize(("field", "value"), [("zero_stage", 1), ("new_tokens", 0), ("precision", "int4")])
def test_a_reference_that_does_not_fit_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Generation().filled({field: value})


# Describing


def test_the_description_names_what_is_stated_and_not_default() -> None:
    assert Generation().describe() == "Generation()"
    assert Generation(precision="bf16", prompts=4).describe() == "Generation(precision=bf16, prompts=4)"
    assert Training(zero_stage=3, rdma=False).describe() == "Training(zero_stage=3, rdma=False)"

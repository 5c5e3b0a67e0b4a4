"""The witness: what a run saw of itself must be what was asked, and what it did not see counts against it."""

from __future__ import annotations

from typing import Any

import pytest
from builders import witness_of

from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.loading.workload import Loading, LoadingWitness
from llm_claims.workloads.training.workload import Training, TrainingWitness
from llm_claims.workloads.witness import Witness, is_usable_failure

GENERATION = Generation(
    model="llama-30m",
    precision="fp32",
    engine="transformers",
    api="pipeline",
    tensor_parallel_degree=1,
    input_tokens=10,
    new_tokens=128,
    prompts=2,
    batch_size=2,
    device_memory_gib=24,
)
TRAINING = Training(
    model="llama-7b",
    precision="bf16",
    parallelism="deepspeed",
    zero_stage=1,
    ranks=16,
    rdma=False,
    samples=9450,
    warmup_steps=100,
    new_token_init="random",
    seed=7,
    repetition=2,
)
LOADING = Loading(
    model="llama-7b",
    precision="fp16",
    engine="deepspeed",
    low_cpu_mem_usage=False,
    model_server=True,
    checkpoint="bin",
    host_memory_to_weights=1.185,
)
WORKLOADS = pytest.mark.parametrize("workload", [GENERATION, TRAINING, LOADING], ids=lambda w: w.kind)


@WORKLOADS
def test_a_run_that_was_what_was_asked_has_no_differences(workload: Workload) -> None:
    assert differences(workload, witness_of(workload)) == []
    assert differences(workload, witness_of(workload, device="cpu", parameters=30_000_000)) == [], "nobody asked"
    assert differences(workload, None) == ["the run carries no witness"]


@WORKLOADS
def test_an_observation_that_was_not_made_is_a_difference(workload: Workload) -> None:
    owed = witness_of(workload).model_dump(exclude_none=True)
    found = differences(workload, type(workload).Witness())
    assert sorted(text.split(":")[0] for text in found) == sorted(owed)
    assert all("the run saw None" in text for text in found)


@WORKLOADS
def test_a_field_that_no_run_can_show_is_not_owed_and_every_other_is(workload: Workload) -> None:
    owed = {"precision": "weight_dtypes" if workload.kind == "loading" else "forward_dtypes"}
    owed |= {"prompts": "input_tokens", "batch_size": "forward_batch_sizes"}
    stated = set(workload.stated()) - workload.unwitnessed
    assert {name for name, asked in workload.expected() if asked is not None} == {
        owed.get(name, name) for name in stated
    }


@pytest.mark.parametrize(
    ("workload", "field", "seen", "text"),
    [
        (GENERATION, "new_tokens", (128, 127), "new_tokens: asked (128, 128), the run saw (128, 127)"),
        (GENERATION, "input_tokens", (10,), "input_tokens: asked (10, 10), the run saw (10,)"),
        (GENERATION, "forward_dtypes", ("bfloat16", "float32"), "forward_dtypes: asked ('float32',), the run saw ("),
        (GENERATION, "forward_batch_sizes", (1,), "forward_batch_sizes: asked (2,), the run saw (1,)"),
        (GENERATION, "api", "generate", "api: asked 'pipeline', the run saw 'generate'"),
        (TRAINING, "zero_stage", 0, "zero_stage: asked 1, the run saw 0"),
        (TRAINING, "forward_dtypes", ("float32",), "forward_dtypes: asked ('bfloat16',), the run saw ('float32',)"),
        (TRAINING, "rdma", None, "rdma: asked False, the run saw None"),
        (LOADING, "weight_dtypes", ("float32",), "weight_dtypes: asked ('float16',), the run saw ('float32',)"),
        (LOADING, "low_cpu_mem_usage", True, "low_cpu_mem_usage: asked False, the run saw True"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_observation_is_named(workload: Workload, field: str, seen: Any, text: str) -> None:
    (found,) = differences(workload, witness_of(workload, **{field: seen}))
    assert text in found


def test_every_wrong_observation_is_named() -> None:
    witness = witness_of(GENERATION, new_tokens=(127, 127), api="generate")
    assert [text.split(":")[0] for text in differences(GENERATION, witness)] == ["api", "new_tokens"]


def test_open_fields_ask_nothing() -> None:
    for workload in (Generation(), Training(), Loading()):
        assert differences(workload, type(workload).Witness(model="anything")) == []


@pytest.mark.parametrize(
    ("prompts", "batch_size", "sizes"),
    [(1, 1, (1,)), (8, 8, (8,)), (8, 4, (4,)), (7, 4, (3, 4)), (3, 8, (3,)), (9, 4, (1, 4)), (9, 8, (1, 8))],
)
def test_batches_are_full_except_for_the_last(prompts: int, batch_size: int, sizes: tuple[int, ...]) -> None:
    workload = Generation(prompts=prompts, batch_size=batch_size)
    assert differences(workload, GenerationWitness(forward_batch_sizes=sizes)) == []
    for wrong in ((prompts + 1,), (*sizes, prompts + 1), None):
        assert len(differences(workload, GenerationWitness(forward_batch_sizes=wrong))) == 1
    open_to_any = Generation(prompts=prompts)
    assert differences(open_to_any, GenerationWitness(forward_batch_sizes=(1, prompts))) == []


# Runs that ended early


@pytest.mark.parametrize(
    ("workload", "owed"),
    [
        (GENERATION, {"device_memory_gib"}),
        (TRAINING, set()),
        (LOADING, {"host_memory_to_weights", "model_server"}),
    ],
    ids=lambda one: getattr(one, "kind", None),
)
def test_a_run_that_ended_early_owes_what_its_end_was_about(workload: Workload, owed: set[str]) -> None:
    found = differences(workload, type(workload).Witness(), ended_early=True)
    assert {text.split(":")[0] for text in found} == owed
    assert len(differences(workload, type(workload).Witness(model="another"), ended_early=True)) == len(owed) + 1


@pytest.mark.parametrize(
    ("ending", "witness", "usable"),
    [
        ("completed", GenerationWitness(engine="deepspeed"), False),
        ("out_of_memory", None, False),
        ("out_of_memory", GenerationWitness(), True),
        ("failed", None, False),
        ("failed", Witness(), False),
        ("failed", GenerationWitness(), False),
        ("failed", GenerationWitness(engine="deepspeed"), True),
        ("failed", LoadingWitness(engine="deepspeed"), True),
        ("failed", TrainingWitness(model="llama-7b"), False),
    ],
)
def test_a_failure_is_evidence_if_memory_ran_out_or_it_tells_whose_code_failed(
    ending: str, witness: Witness | None, usable: bool
) -> None:
    assert is_usable_failure(ending, witness) is usable


def test_a_count_that_contradicts_what_was_observed_is_a_fault() -> None:
    witness = GenerationWitness(forward_batch_sizes=(1, 4), new_tokens=(128,))
    assert (
        list(witness.faults({"largest_forward_batch": 4, "new_tokens_per_sequence": 128, "latency_seconds": 9})) == []
    )
    (fault,) = witness.faults({"largest_forward_batch": 8})
    assert fault == "metric 'largest_forward_batch' is 8, its witness saw (1, 4)"

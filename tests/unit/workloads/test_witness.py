"""The witness: what a run saw of itself must be what was asked, and what it did not see counts against it."""

from __future__ import annotations

from typing import Any

import pytest
from builders import witness_of
from pydantic import ValidationError

from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training
from llm_claims.workloads.witness import Witness, differences, open_to_witness

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
)
TRAINING = Training(
    model="llama-7b",
    precision="bf16",
    parallelism="deepspeed",
    zero_stage=1,
    ranks=16,
    rdma=False,
    samples=9450,
    context_tokens=1536,
    micro_batch=1,
    gradient_accumulation=4,
    gradient_checkpointing=True,
    learning_rate=1e-5,
    warmup_steps=100,
    new_token_init="random",
    logger="hf-trainer",
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

WRONG = [
    (GENERATION, "new_tokens", (128, 127), "new_tokens: asked (128, 128), the run saw (128, 127)"),
    (GENERATION, "new_tokens", (128,), "the run saw (128,)"),
    (GENERATION, "input_tokens", (10, 11), "input_tokens"),
    (GENERATION, "forward_dtypes", ("bfloat16",), "forward_dtypes: asked ('float32',), the run saw ('bfloat16',)"),
    (GENERATION, "forward_dtypes", ("bfloat16", "float32"), "forward_dtypes"),
    (GENERATION, "forward_batch_sizes", (1,), "forward_batch_sizes: asked (2,), the run saw (1,)"),
    (GENERATION, "api", "generate", "api: asked 'pipeline', the run saw 'generate'"),
    (GENERATION, "engine", "deepspeed", "engine"),
    (GENERATION, "model", "gpt2", "model"),
    (GENERATION, "tensor_parallel_degree", 2, "tensor_parallel_degree"),
    (TRAINING, "zero_stage", 3, "zero_stage: asked 1, the run saw 3"),
    (TRAINING, "zero_stage", 0, "zero_stage"),
    (TRAINING, "ranks", 8, "ranks"),
    (TRAINING, "forward_dtypes", ("float32",), "forward_dtypes"),
    (TRAINING, "warmup_steps", 0, "warmup_steps: asked 100, the run saw 0"),
    (TRAINING, "gradient_accumulation", 1, "gradient_accumulation: asked 4, the run saw 1"),
    (TRAINING, "new_token_init", "mean", "new_token_init: asked 'random', the run saw 'mean'"),
    (TRAINING, "rdma", None, "rdma: asked False, the run saw None"),
    (TRAINING, "parallelism", "ddp", "parallelism"),
    (LOADING, "host_memory_to_weights", None, "host_memory_to_weights: asked 1.185, the run saw None"),
    (LOADING, "checkpoint", "safetensors", "checkpoint"),
    (LOADING, "weight_dtypes", ("float32",), "weight_dtypes: asked ('float16',), the run saw ('float32',)"),
    (LOADING, "low_cpu_mem_usage", True, "low_cpu_mem_usage: asked False, the run saw True"),
    (LOADING, "model_server", False, "model_server"),
    (LOADING, "engine", "accelerate", "engine: asked 'deepspeed', the run saw 'accelerate'"),
]


@WORKLOADS
def test_a_run_that_was_what_was_asked_has_no_differences(workload: Workload) -> None:
    assert differences(workload, witness_of(workload)) == []


@WORKLOADS
def test_a_run_without_a_witness_differs(workload: Workload) -> None:
    assert differences(workload, None) == ["the run carries no witness"]


@WORKLOADS
def test_an_observation_that_was_not_made_is_a_difference(workload: Workload) -> None:
    owed = [name for name, seen in witness_of(workload).model_dump(exclude_none=True).items()]
    assert owed
    found = differences(workload, Witness())
    assert sorted(text.split(":")[0] for text in found) == sorted(owed)
    assert all("the run saw None" in text for text in found)


@pytest.mark.parametrize(("workload", "field", "seen", "text"), WRONG, ids=lambda value: str(value)[:30])
def test_one_wrong_observation_is_named(workload: Workload, field: str, seen: Any, text: str) -> None:
    (found,) = differences(workload, witness_of(workload, **{field: seen}))
    assert text in found


def test_every_wrong_observation_is_named() -> None:
    witness = witness_of(GENERATION, new_tokens=(127, 127), api="generate")
    assert [text.split(":")[0] for text in differences(GENERATION, witness)] == ["api", "new_tokens"]


def test_open_fields_ask_nothing() -> None:
    for workload in (Generation(), Training(), Loading()):
        assert differences(workload, Witness()) == []
        assert differences(workload, witness_of(GENERATION, model="anything")) == []


@WORKLOADS
def test_what_a_witness_should_confirm_may_not_be_open(workload: Workload) -> None:
    assert open_to_witness(workload) == []
    for name in ("model", "precision"):
        assert open_to_witness(workload.model_copy(update={name: None})) == [name]


def test_a_request_leaves_nothing_open_that_decides_its_time() -> None:
    owed = ["model", "precision", "engine", "api", "tensor_parallel_degree", "input_tokens", "new_tokens"]
    assert open_to_witness(Generation()) == owed
    assert open_to_witness(GENERATION.model_copy(update={"batch_size": None})) == []


def test_what_nobody_asked_for_may_be_seen() -> None:
    witness = witness_of(GENERATION, device="cpu", parameters=30_000_000)
    assert differences(GENERATION, witness) == []


@pytest.mark.parametrize(
    ("prompts", "batch_size", "sizes"),
    [(1, 1, (1,)), (8, 8, (8,)), (8, 4, (4,)), (7, 4, (3, 4)), (3, 8, (3,)), (9, 4, (1, 4)), (9, 8, (1, 8))],
)
def test_batches_are_full_except_for_the_last(prompts: int, batch_size: int, sizes: tuple[int, ...]) -> None:
    workload = Generation(prompts=prompts, batch_size=batch_size)
    assert differences(workload, Witness(forward_batch_sizes=sizes)) == []
    for wrong in ((prompts + 1,), (*sizes, prompts + 1), None):
        assert len(differences(workload, Witness(forward_batch_sizes=wrong))) == 1


def test_without_a_batch_size_any_batching_is_what_was_asked() -> None:
    assert differences(Generation(prompts=8), Witness(forward_batch_sizes=(1,))) == []
    assert differences(Generation(prompts=8), Witness(forward_batch_sizes=(8,))) == []


@pytest.mark.parametrize(
    ("field", "value"), [("new_tokens", (-1,)), ("forward_batch_sizes", (0,)), ("ranks", 0), ("dtype", "float32")]
)
def test_what_no_run_can_see_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        Witness(**{field: value})

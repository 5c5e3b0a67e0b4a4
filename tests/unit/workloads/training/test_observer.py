"""The observer tells what a model and its optimizer are and do, whatever was asked."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from warm import inside

from llm_claims.workloads.training import observer
from llm_claims.workloads.training.base_model import embeddings_of, load_with_new_tokens

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM


def model_in(base: Path) -> LlamaForCausalLM:
    return load_with_new_tokens(base, "random", 1)[0]


def ids(samples: int, tokens: int, start: int = 0) -> torch.Tensor:
    import torch

    return torch.arange(start, start + samples * tokens).view(samples, tokens) % 250


def work(model: LlamaForCausalLM, batch: torch.Tensor) -> None:
    model(input_ids=batch, labels=batch).loss.backward()


@inside
def test_shapes_are_those_that_the_model_received(base: Path) -> None:
    model = model_in(base)
    seen = observer.ModelObserver(model)
    for samples in (3, 4, 1):
        work(model, ids(samples, 16, start=samples))
    assert (seen.forwards, seen.micro_batch, seen.context_tokens) == (3, 4, 16)
    assert (seen.device, seen.forward_dtypes) == ("cpu", ("float32",))


@inside
def test_samples_are_counted_once_however_often_they_come(base: Path) -> None:
    model = model_in(base)
    seen = observer.ModelObserver(model)
    for start in (0, 16, 0):
        work(model, ids(2, 16, start))
    assert len(seen.samples) == 3
    seen.reset()
    assert (seen.forwards, len(seen.samples), seen.forward_dtypes) == (0, 0, ())


@inside
def test_lengths_that_differ_are_no_length(base: Path) -> None:
    model = model_in(base)
    seen = observer.ModelObserver(model)
    for tokens in (16, 8):
        work(model, ids(1, tokens))
    assert seen.context_tokens is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@inside
def test_products_under_autocast_have_the_dtype_of_their_results(base: Path, dtype: str) -> None:
    model = model_in(base)
    import torch

    seen = observer.ModelObserver(model)
    with torch.autocast("cpu", getattr(torch, dtype)):
        work(model, ids(1, 8))
    assert seen.forward_dtypes == (dtype,)
    work(model, ids(1, 8))
    assert seen.forward_dtypes == (dtype, "float32")


@pytest.mark.parametrize("reentrant", [False, True])
@inside
def test_checkpointing_is_seen_on_the_way_back(base: Path, reentrant: bool) -> None:
    model = model_in(base)
    seen = observer.ModelObserver(model)
    model.train()
    work(model, ids(1, 8))
    assert not seen.gradient_checkpointing
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    if reentrant:
        model.enable_input_require_grads()
    work(model, ids(1, 8))
    assert seen.gradient_checkpointing


def filled(model: LlamaForCausalLM, which: str, init: str) -> None:
    """Set the new rows of the embeddings named."""
    import torch

    for name, rows in zip(("input", "output"), embeddings_of(model), strict=True):
        if which in (name, "both"):
            old, new = rows[:-2], rows[-2:]
            value = {
                "mean": old.mean(dim=0).expand(2, -1),
                "near the mean": old.mean(dim=0) + 1e-4 * torch.randn(2, 64),
                "random": 0.02 * torch.randn(2, 64),
                "wide": torch.randn(2, 64),
                "nothing": torch.zeros(2, 64),
                "copies": (0.02 * torch.randn(64)).expand(2, -1),
                "old": old[5:7],
            }[init]
            with torch.no_grad():
                new.copy_(value)


INITS = [
    ("both", "mean", "mean"),
    ("both", "random", "random"),
    ("both", "near the mean", "other"),
    ("both", "wide", "other"),
    ("both", "nothing", "other"),
    ("both", "copies", "other"),
    ("input", "mean", "mixed"),
    ("output", "mean", "mixed"),
    ("output", "nothing", "mixed"),
]


@inside
def test_the_start_of_new_tokens_is_told_from_both_embeddings(base: Path) -> None:
    for which, init, told in INITS:
        model = model_in(base)
        filled(model, which, init)
        assert observer.observed_init(model) == told, (which, init)


@pytest.mark.parametrize("init", ["random", "mean"])
@inside
def test_what_is_loaded_as_asked_is_told_so_for_every_seed(base: Path, init: Any) -> None:
    # Two rows of the last are closer to each other than their width, which one seed in 1,700 draws.
    for seed in (*range(8), 223):
        assert observer.observed_init(load_with_new_tokens(base, init, seed)[0]) == init


@inside
def test_the_dtype_of_a_gradient_is_told_from_the_digits_of_its_values() -> None:
    import torch

    values = torch.tensor([1.0, 0.0, -3.0])
    fine = {"bf16": 1 + 2**-7, "fp16": 1 + 2**-10, "fp32": 1 + 2**-20}
    for dtype, value in fine.items():
        assert observer.narrowest_dtype(torch.cat([values, torch.tensor([value, math.inf, math.nan])])) == dtype
    assert observer.narrowest_dtype(torch.tensor([2.0**100])) == "bf16"
    assert observer.narrowest_dtype(torch.zeros(3)) is None


def test_gradients_add_up_where_the_optimizer_keeps_them_or_in_the_weights_own() -> None:
    weight = SimpleNamespace(grad="own")
    assert observer.accumulator_of(weight, SimpleNamespace()) == "own"
    parts = SimpleNamespace(averaged_gradients={0: None, 1: ["part", "other"]})
    assert observer.accumulator_of(weight, parts) == "part"
    assert observer.accumulator_of(SimpleNamespace(grad="own", _hp_grad="kept"), parts) == "kept"


class Sized:
    """Weights of which a rank holds some: what ZeRO makes of a parameter."""

    def __init__(self, whole: int, held: int | None = None) -> None:
        self.whole = whole
        if held is not None:
            self.ds_numel, self.ds_tensor = whole, Sized(held)

    def numel(self) -> int:
        return 0 if hasattr(self, "ds_tensor") else self.whole


def optimizer_of(*held: int, gradients: bool | None = None) -> SimpleNamespace:
    """DeepSpeed's optimizer with these partitions; a plain one, unless it is told whether it parts gradients."""
    parts = [Sized(size) for size in held]
    if gradients is None:
        return SimpleNamespace(param_groups=[{"params": parts}])
    return SimpleNamespace(single_partition_of_fp32_groups=parts, partition_gradients=gradients, param_groups=[])


@pytest.mark.parametrize(
    ("held", "optimizer", "ranks", "stage"),
    [
        (None, optimizer_of(70, 30), 2, 0),
        (None, optimizer_of(70, 30), 1, 0),
        (None, optimizer_of(35, 15, gradients=False), 2, 1),
        (None, optimizer_of(36, 18, gradients=False), 2, 1),  # padded
        (None, optimizer_of(35, 15, gradients=True), 2, 2),
        (None, optimizer_of(70, 30, gradients=False), 2, 0),
        (50, optimizer_of(35, 15), 2, 3),
        (100, optimizer_of(70, 30), 1, 0),  # one rank parts nothing, whatever it is called
    ],
)
def test_the_stage_follows_from_what_a_rank_holds(
    held: int | None, optimizer: SimpleNamespace, ranks: int, stage: int
) -> None:
    weights = [Sized(70, held and held * 7 // 10), Sized(30, held and held * 3 // 10)]
    model = SimpleNamespace(parameters=lambda: weights)
    assert observer.observed_stage(model, optimizer, ranks) == stage


@pytest.mark.parametrize(
    ("name", "ranks", "told"),
    [
        ("DeepSpeedEngine", 2, "deepspeed"),
        ("DistributedDataParallel", 2, "ddp"),
        ("LlamaForCausalLM", 1, "ddp"),
        ("LlamaForCausalLM", 2, "LlamaForCausalLM"),  # two that know nothing of each other
        ("FullyShardedDataParallel", 2, "FullyShardedDataParallel"),
    ],
)
def test_how_ranks_work_together_is_told_from_what_wraps_the_model(name: str, ranks: int, told: str) -> None:
    assert observer.observed_parallelism(type(name, (), {})(), ranks) == told

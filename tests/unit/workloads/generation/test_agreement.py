"""A model behind an engine computes what it computed alone, up to rounding; anything else is told."""

from __future__ import annotations

from typing import Any

import pytest

from llm_claims.workloads.generation.agreement import disagreement, least_cosine, logits_of


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def llama() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=100, **sizes)).eval()


def test_rounding_in_another_precision_is_no_disagreement(torch: Any) -> None:
    model = llama()
    exact = logits_of(model)
    assert disagreement(exact, logits_of(model.to(torch.bfloat16)), 4, torch.bfloat16) is None


def test_another_computation_is_told(torch: Any) -> None:
    model = llama()
    exact = logits_of(model)
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.data.neg_()
    said = disagreement(exact, logits_of(model), 4, torch.float16)
    assert said is not None
    assert "it computes other logits than the model alone: their cosine is 0." in said


def test_layers_in_another_order_are_told(torch: Any) -> None:
    model = llama()
    exact = logits_of(model)
    model.model.layers = torch.nn.ModuleList(reversed(model.model.layers))
    assert disagreement(exact, logits_of(model), 4, torch.float16)


@pytest.mark.parametrize(
    ("layers", "dtype", "least"), [(40, "float16", 0.99924), (40, "bfloat16", 0.95117), (0, "float16", 1.0)]
)
def test_the_bound_follows_from_the_precision_and_the_depth(torch: Any, layers: int, dtype: str, least: float) -> None:
    assert least_cosine(layers, getattr(torch, dtype)) == pytest.approx(least, abs=1e-5)

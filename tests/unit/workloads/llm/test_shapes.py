"""Shapes: numbers of weights as the library builds them, and operations as the papers count them."""

from __future__ import annotations

import pytest

from llm_claims.workloads.llm.shapes import LARGE, SHAPES, training_flops_per_token, weights_of


@pytest.mark.parametrize("name", ["llama-30m", "llama-270m", *LARGE])
def test_the_number_of_weights_is_that_of_the_model_itself(name: str) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(**SHAPES[name]))
    assert weights_of(name) == sum(weights.numel() for weights in model.parameters())


def test_operations_of_a_token_are_six_a_weight_and_those_of_attention() -> None:
    products = weights_of("llama-7b") - 32_000 * 4096
    assert training_flops_per_token("llama-7b", 1536) == 6 * products + 12 * 32 * 4096 * 1536
    assert training_flops_per_token("llama-7b", 1536) == pytest.approx(4.2e10, rel=0.02)

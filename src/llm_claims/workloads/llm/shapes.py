"""Shapes of the Llama models at the document's scale, and how many weights a shape has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Touvron et al., LLaMA, 2023, table 2; sizes of the feed-forward layers as in the published checkpoints.
_COMMON: dict[str, Any] = {"vocab_size": 32_000, "max_position_embeddings": 2048, "tie_word_embeddings": False}
LARGE_SHAPES: dict[str, dict[str, Any]] = {
    "llama-7b": {
        "hidden_size": 4096,
        "intermediate_size": 11_008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        **_COMMON,
    },
    "llama-13b": {
        "hidden_size": 5120,
        "intermediate_size": 13_824,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 40,
        **_COMMON,
    },
}
"""Models that are built where they run, with random weights: what they cost does not depend on what they learned."""


def weights_of(shape: Mapping[str, Any]) -> int:
    """Return the number of weights of a Llama without shared key and value heads.

    Each layer has four square projections, three of the feed-forward network and two norms; both
    embeddings are kept, and a last norm (Touvron et al., LLaMA, 2023, section 2.2).
    """
    hidden, layers = shape["hidden_size"], shape["num_hidden_layers"]
    layer = 4 * hidden**2 + 3 * hidden * shape["intermediate_size"] + 2 * hidden
    return int(layers * layer + 2 * shape["vocab_size"] * hidden + hidden)


def training_flops_per_token(shape: Mapping[str, Any], context_tokens: int) -> float:
    """Return what the forward and backward of one token take, without recomputation.

    Six operations a weight of a matrix product, and 12 · layers · hidden · context for attention (Chowdhery et
    al., PaLM, 2022, appendix B). The input embedding is looked up, not multiplied.
    """
    weights = weights_of(shape) - shape["vocab_size"] * shape["hidden_size"]
    return float(6.0 * weights + 12.0 * shape["num_hidden_layers"] * shape["hidden_size"] * context_tokens)

"""Shapes of the Llama models that stand for the document's, and how many weights a shape has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _shape(
    hidden: int, intermediate: int, layers: int, heads: int, positions: int, vocabulary: int | None
) -> dict[str, Any]:
    """The arguments of a ``LlamaConfig``; without a vocabulary it is the tokenizer's."""
    size = {} if vocabulary is None else {"vocab_size": vocabulary}
    return {
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": positions,
        "tie_word_embeddings": False,
        **size,
    }


SHAPES: dict[str, dict[str, Any]] = {
    # Trained here in seconds, on text made here.
    "llama-tiny": _shape(64, 172, 2, 4, 128, None),
    "llama-85m": _shape(768, 2048, 12, 12, 128, None),
    # Wide and shallow, because every layer costs Python time on each new token: with two layers the matrix
    # products, whose cost the claims are about, outweigh that overhead. Half of the weights are embeddings.
    "llama-30m": _shape(768, 2048, 2, 12, 2048, 10_240),
    # Large against the interpreter with its libraries, some 300 MB, which is part of every peak of memory.
    "llama-270m": _shape(1024, 2816, 16, 16, 2048, 32_000),
    # Touvron et al., LLaMA, 2023, table 2; sizes of the feed-forward layers as in the published checkpoints.
    "llama-7b": _shape(4096, 11_008, 32, 32, 2048, 32_000),
    "llama-13b": _shape(5120, 13_824, 40, 40, 2048, 32_000),
}
SEED = 20231
"""Every stand-in's weights are drawn from it."""
LARGE = ("llama-7b", "llama-13b")
"""Models of the document's scale, built where they run with random weights: what they cost does not depend on those."""


def weights_of(model: str) -> int:
    """Return the number of weights of a model of `SHAPES` that states its vocabulary.

    Each layer has four square projections, three of the feed-forward network and two norms; both
    embeddings are kept, and a last norm (Touvron et al., LLaMA, 2023, section 2.2).
    """
    shape = SHAPES[model]
    hidden, layers = shape["hidden_size"], shape["num_hidden_layers"]
    layer = 4 * hidden**2 + 3 * hidden * shape["intermediate_size"] + 2 * hidden
    return int(layers * layer + 2 * shape["vocab_size"] * hidden + hidden)


def training_flops_per_token(model: str, context_tokens: int) -> float:
    """Return what the forward and backward of one token take, without recomputation.

    Six operations a weight of a matrix product, and 12 · layers · hidden · context for attention (Chowdhery et
    al., PaLM, 2022, appendix B). The input embedding is looked up, not multiplied.
    """
    shape: Mapping[str, Any] = SHAPES[model]
    weights = weights_of(model) - shape["vocab_size"] * shape["hidden_size"]
    return float(6.0 * weights + 12.0 * shape["num_hidden_layers"] * shape["hidden_size"] * context_tokens)

"""Shapes of the stand-in Llama models, and how many weights and operations they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _shape(
    hidden: int, intermediate: int, layers: int, heads: int, positions: int, vocabulary: int | None
) -> dict[str, Any]:
    """Return the arguments of a ``LlamaConfig``; with no ``vocabulary`` the caller adds the tokenizer's size."""
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
    # Pretrained by the training program in seconds, on generated text.
    "llama-tiny": _shape(64, 172, 2, 4, 128, None),
    "llama-85m": _shape(768, 2048, 12, 12, 128, None),
    # Wide and shallow, because every layer costs Python time on each new token. With two layers, most of the time
    # is spent in matrix products, which the claims are about. Half of the weights are embeddings.
    "llama-30m": _shape(768, 2048, 2, 12, 2048, 10_240),
    # For decoding that is bound by memory: a token reads 145 MB in bf16 and 72 MB in int8, where the cores of most
    # processors share 32 MB of cache. Two layers, because each is compiled by itself: sixteen would take a minute.
    "llama-88m": _shape(1536, 4096, 2, 12, 2048, 10_240),
    # Much larger than the interpreter with its libraries, some 300 MB, which is part of every peak of memory.
    "llama-270m": _shape(1024, 2816, 16, 16, 2048, 32_000),
    # Touvron et al., LLaMA, 2023, table 2; sizes of the feed-forward layers as in the published checkpoints.
    "llama-7b": _shape(4096, 11_008, 32, 32, 2048, 32_000),
    "llama-13b": _shape(5120, 13_824, 40, 40, 2048, 32_000),
}
SEED = 20231
"""The seed of the weights of every stand-in."""
LARGE = ("llama-7b", "llama-13b")
"""Models of the document's scale, built with random weights: their time and memory do not depend on the weights."""


def weights_of(model: str) -> int:
    """Return the number of weights of a model of `SHAPES` whose shape has a vocabulary.

    Each layer has four square attention projections, three feed-forward projections and two norms; the input and
    the output embedding and a last norm are added (Touvron et al., LLaMA, 2023, section 2.2).
    """
    shape = SHAPES[model]
    hidden, layers = shape["hidden_size"], shape["num_hidden_layers"]
    layer = 4 * hidden**2 + 3 * hidden * shape["intermediate_size"] + 2 * hidden
    return int(layers * layer + 2 * shape["vocab_size"] * hidden + hidden)


def training_flops_per_token(model: str, context_tokens: int) -> float:
    """Return the floating-point operations of the forward and backward pass of one token, without recomputation.

    Six for each weight in matrix products, and 12 · layers · hidden · context for attention (Chowdhery et
    al., PaLM, 2022, appendix B). The input embedding is looked up and not multiplied, so it is left out.
    """
    shape: Mapping[str, Any] = SHAPES[model]
    weights = weights_of(model) - shape["vocab_size"] * shape["hidden_size"]
    return float(6.0 * weights + 12.0 * shape["num_hidden_layers"] * shape["hidden_size"] * context_tokens)

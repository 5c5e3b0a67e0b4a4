"""Writes a checkpoint of random weights in ``.bin`` shards, the format of 2023. Python 3.8 syntax.

The document's checkpoint can no longer be downloaded. What is measured here (latency, fit, host memory) depends on
the shapes and types of the weights, not on their values. Shards are written one after another, so that writing needs
the memory of one shard.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

# Hidden size, size of the feed-forward layer, layers, heads, vocabulary (Touvron et al., LLaMA, 2023, table 2).
SHAPES: dict[str, tuple[int, int, int, int, int]] = {
    "llama-7b": (4096, 11008, 32, 32, 32000),
    "llama-13b": (5120, 13824, 40, 40, 32000),
    # For tests of this program on a processor.
    "llama-tiny": (64, 176, 2, 4, 2048),
}
DTYPES = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}
INITIAL_DEVIATION = 0.02
POSITIONS = 2048
# The frequencies of the rotary embeddings: they can be computed, but checkpoints of 2023 contain them.
_FREQUENCIES = "self_attn.rotary_emb.inv_freq"
_BASE = 10000.0


def config_of(model: str) -> Any:
    """Return the configuration of a model, for transformers."""
    from transformers import LlamaConfig

    hidden, inner, layers, heads, vocabulary = SHAPES[model]
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=POSITIONS,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )


def write_checkpoint(model: str, precision: str, folder: str) -> None:
    """Write configuration, shards and index into ``folder``, unless the index is there already."""
    import torch

    index_path = os.path.join(folder, "pytorch_model.bin.index.json")
    if os.path.exists(index_path):
        return
    os.makedirs(folder, exist_ok=True)
    config = config_of(model)
    config.architectures = ["LlamaForCausalLM"]
    config.torch_dtype = DTYPES[precision]
    config.save_pretrained(folder)
    dtype = getattr(torch, DTYPES[precision])
    index: dict[str, Any] = {"metadata": {"total_size": 0}, "weight_map": {}}
    for number, shapes in enumerate(_shards(model)):
        name = f"pytorch_model-{number:05d}.bin"
        shard = {key: _weights(key, shape, dtype) for key, shape in shapes.items()}
        torch.save(shard, os.path.join(folder, name))
        index["weight_map"].update(dict.fromkeys(shard, name))
        index["metadata"]["total_size"] += sum(one.numel() * one.element_size() for one in shard.values())
    with open(index_path, "w", encoding="utf-8") as file:
        json.dump(index, file)


def _weights(name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the tensor of one weight: random, but for norm scales (ones) and rotary frequencies."""
    import torch

    if name.endswith(_FREQUENCIES):
        return _BASE ** -(torch.arange(shape[0], dtype=torch.float32) / shape[0])
    if len(shape) == 1:
        return torch.ones(shape, dtype=dtype)
    return torch.empty(shape, dtype=torch.float32).normal_(0.0, INITIAL_DEVIATION).to(dtype)


def _shards(model: str) -> Iterator[dict[str, tuple[int, ...]]]:
    """Yield names and shapes of the weights of each shard: one shard for each layer, then one for the rest."""
    hidden, inner, layers, heads, vocabulary = SHAPES[model]
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        shapes: dict[str, tuple[int, ...]] = {
            f"{prefix}self_attn.{name}_proj.weight": (hidden, hidden) for name in ("q", "k", "v", "o")
        }
        shapes.update({f"{prefix}mlp.{name}_proj.weight": (inner, hidden) for name in ("gate", "up")})
        shapes[f"{prefix}mlp.down_proj.weight"] = (hidden, inner)
        shapes[f"{prefix}input_layernorm.weight"] = (hidden,)
        shapes[f"{prefix}post_attention_layernorm.weight"] = (hidden,)
        shapes[f"{prefix}{_FREQUENCIES}"] = (hidden // heads // 2,)
        yield shapes
    yield {
        "model.embed_tokens.weight": (vocabulary, hidden),
        "model.norm.weight": (hidden,),
        "lm_head.weight": (vocabulary, hidden),
    }

"""A checkpoint of a Llama with some thousand weights, as a user would have one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 300,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}
PARAMETERS = 300 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 48 + 2 * 32) + 32


@cache
def shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of its weights, as transformers has them."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def write_config(folder: Path, **changed: Any) -> None:
    """Write its config.json."""
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changed}))


def write_checkpoint(folder: Path, layout: dict[str, tuple[int, ...]]) -> Path:
    """Write it, without a tokenizer; every weight is drawn anew from one seed."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    write_config(folder)
    random = np.random.default_rng(7)
    tensors = {name: random.normal(0, 0.02, shape).astype(np.float32) for name, shape in layout.items()}
    save_file(tensors, folder / "model.safetensors")
    return folder

"""What the config.json of a Llama says: whether it can be run, and which weights it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from llm_claims.errors import UsageError, listed
from llm_claims.workloads.llm.shapes import SHAPES

_ARCHITECTURE = "LlamaForCausalLM"
_REPLACES_WEIGHTS = ("quantization_config", "compression_config", "transformers_weights")
"""Fields that make transformers load something else than the weights as they lie there."""
_SWITCHES = ("tie_word_embeddings", "attention_bias", "mlp_bias")
# Sizes that say which model it is; a vocabulary may have been padded, and positions be extended.
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")


def json_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object that a small file of a checkpoint has; ``None`` if it has something else.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is no file")
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): a checkpoint is a folder with it") from None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_config(name: str, path: Path) -> dict[str, Any]:
    """Read the config.json at ``path`` of a checkpoint of model ``name``, and check it.

    Raises
    ------
    UsageError
        It cannot be read, is no Llama's, or has a wrong field; or model ``name`` of this package has another size.
    """
    config = json_object(path)
    if config is None:
        raise UsageError(f"{path}: is not JSON with an object")
    for fault in chain(_faults_of_the_kind(config), _faults_of_fields(config), _faults_of_sizes(name, config)):
        raise UsageError(f"{path}: {fault}")
    return config


def _faults_of_the_kind(config: dict[str, Any]) -> Iterator[str]:
    stated = config.get("architectures") or [config.get("model_type")]
    made_for = [str(one) for one in stated] if isinstance(stated, list) else [str(stated)]
    if _ARCHITECTURE not in made_for and made_for != ["llama"]:
        yield f"architectures: {listed(made_for)}; only {_ARCHITECTURE} can be run"
    for field_name in filter(config.get, _REPLACES_WEIGHTS):
        yield f"{field_name}: is not supported: weights are those in the folder, in floating point"


def _faults_of_fields(config: dict[str, Any]) -> Iterator[str]:
    config.setdefault("num_key_value_heads", config.get("num_attention_heads"))
    for field_name in (*_SIZES, "vocab_size", "max_position_embeddings"):
        if not _is_positive(config.get(field_name)):
            yield f"{field_name}: must be a positive number, is {config.get(field_name)!r}"
    if config.get("head_dim") is not None and not _is_positive(config["head_dim"]):
        yield f"head_dim: must be a positive number, is {config['head_dim']!r}"
    for field_name in _SWITCHES:
        if not isinstance(config.get(field_name, False), bool):
            yield f"{field_name}: must be true or false, is {config[field_name]!r}"


def _faults_of_sizes(name: str, config: dict[str, Any]) -> Iterator[str]:
    heads, keys = config["num_attention_heads"], config["num_key_value_heads"]
    if heads % keys:
        yield f"num_key_value_heads: is {keys}, which does not divide the {heads} of num_attention_heads"
    if not config.get("head_dim") and config["hidden_size"] % heads:
        yield f"num_attention_heads: is {heads}, which does not divide the {config['hidden_size']} of hidden_size"
    shape = SHAPES.get(name, {})
    for field_name in filter(shape.__contains__, _SIZES):
        if config[field_name] != shape[field_name]:
            yield (
                f"{field_name}: is {config[field_name]}, but {name} has {shape[field_name]}: "
                "give the checkpoint another name"
            )


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def layout(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of each weight of a Llama (transformers, modeling_llama.py)."""
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = head * config["num_attention_heads"], head * config["num_key_value_heads"]
    attention, inner_bias = config.get("attention_bias", False), config.get("mlp_bias", False)
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        yield f"{layer}.self_attn.q_proj.weight", (queries, hidden)
        yield f"{layer}.self_attn.k_proj.weight", (keys, hidden)
        yield f"{layer}.self_attn.v_proj.weight", (keys, hidden)
        yield f"{layer}.self_attn.o_proj.weight", (hidden, queries)
        yield f"{layer}.mlp.gate_proj.weight", (inner, hidden)
        yield f"{layer}.mlp.up_proj.weight", (inner, hidden)
        yield f"{layer}.mlp.down_proj.weight", (hidden, inner)
        if attention:
            for one, rows in {"q": queries, "k": keys, "v": keys, "o": hidden}.items():
                yield f"{layer}.self_attn.{one}_proj.bias", (rows,)
        if inner_bias:
            for one, rows in {"gate": inner, "up": inner, "down": hidden}.items():
                yield f"{layer}.mlp.{one}_proj.bias", (rows,)
        yield f"{layer}.input_layernorm.weight", (hidden,)
        yield f"{layer}.post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not config.get("tie_word_embeddings", False):
        yield "lm_head.weight", (vocabulary, hidden)

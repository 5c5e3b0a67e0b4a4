"""Checkpoints of real weights: a folder with the config.json of a Llama and its weights in safetensors."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from llm_claims.errors import UsageError, listed
from llm_claims.workloads.llm.shapes import SHAPES

SMOLLM2 = "smollm2-135m"
"""A small real Llama, made by `llm_claims.workloads.llm.smollm2`."""
PINNED: Mapping[str, str] = {SMOLLM2: "174abc8c45a69036"}
"""The digest that the weights of a model must have."""

_ARCHITECTURE = "LlamaForCausalLM"
_INDEX = "model.safetensors.index.json"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt")
# Sizes that say which model it is; a vocabulary may have been padded, and positions be extended.
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
# Buffers that old versions of transformers saved with the weights.
_BUFFERS = "rotary_emb.inv_freq"
_LARGEST_SIZE, _MOST_LAYERS = 10_000_000, 1_000
_BYTES_OF = {"F32": 4, "F16": 2, "BF16": 2}
_HEADER_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 100_000_000
"""The limit of the format itself."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found sound; ``parameters`` counts its weights.

    ``config`` is that of its config.json; ``files`` are those of its weights, in order of their names.
    """

    name: str
    folder: Path
    config: Mapping[str, Any] = field(compare=False)
    files: tuple[Path, ...]
    parameters: int

    @property
    def digest(self) -> str:
        """The digest of all bytes of the weights as they are now; see `digest_of`.

        Raises
        ------
        UsageError
            The digest of this model's weights is known, and theirs is another.
        """
        found, known = digest_of(self.files), PINNED.get(self.name)
        if known not in (None, found):
            raise UsageError(f"{self.folder}: its weights have the digest {found}, and those of {self.name} {known}")
        return found

    @property
    def positions(self) -> int:
        """The most tokens of a sample."""
        return int(self.config["max_position_embeddings"])


def read_checkpoint(name: str, folder: Path) -> Checkpoint:
    """Read what a folder says of the weights in it, and check that they are whole, without reading the weights.

    Raises
    ------
    UsageError
        It is no checkpoint of a Llama in safetensors, or it is damaged; or it is not of the size that model ``name``
        of this package has.
    """
    config = _config(name, folder)
    files = _files(folder)
    wanted, found = dict(_layout(config)), {}
    for path in files:
        found.update(_tensors(path))
    for fault in _faults(wanted, found):
        raise UsageError(f"{folder}: {fault}")
    parameters = sum(math.prod(shape) for shape in wanted.values())
    return Checkpoint(name, folder, config, files, parameters)


def digest_of(files: tuple[Path, ...]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the SHA-256 of each file.

    They are computed anew when a file's size or time has changed.
    """
    return _digest(tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=8)
def _digest(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, *_ in stamps:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def _config(name: str, folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): a checkpoint is a folder with it") from None
    except ValueError:
        raise UsageError(f"{path}: is not JSON") from None
    if not isinstance(config, dict):
        raise UsageError(f"{path}: is no JSON object with the fields of a model")
    said = config.get("architectures") or config.get("model_type")
    made_for = [str(one) for one in (said if isinstance(said, list) else [said])]
    if _ARCHITECTURE not in made_for and made_for != ["llama"]:
        raise UsageError(f"{path}: architectures: {listed(made_for)}; only {_ARCHITECTURE} can be run")
    config.setdefault("num_key_value_heads", config.get("num_attention_heads"))
    for field_name in (*_SIZES, "vocab_size", "max_position_embeddings"):
        most = _MOST_LAYERS if field_name == "num_hidden_layers" else _LARGEST_SIZE
        if type(config.get(field_name)) is not int or not 0 < config[field_name] <= most:
            raise UsageError(
                f"{path}: {field_name}: must be a whole number from 1 to {most}, is {config.get(field_name)!r}"
            )
    shape = SHAPES.get(name, {})
    for field_name in filter(shape.__contains__, _SIZES):
        if config[field_name] != shape[field_name]:
            raise UsageError(
                f"{path}: {field_name}: is {config[field_name]}, but {name} has {shape[field_name]}: "
                "give the checkpoint another name"
            )
    if type(config.get("head_dim")) not in (int, type(None)):
        raise UsageError(f"{path}: head_dim: must be a whole number, is {config['head_dim']!r}")
    return config


def _files(folder: Path) -> tuple[Path, ...]:
    index = folder / _INDEX
    if index.exists():
        try:
            names = sorted({str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()})
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UsageError(f"{index}: has no weight_map that names the files of the weights") from None
    else:
        names = sorted(path.name for path in folder.glob("*.safetensors") if path.is_file())
    if not names:
        pickled = [path.name for path in folder.iterdir() if path.suffix in _PICKLED]
        hint = f": {listed(pickled)} is pickled, and loading it could run any program: convert it" if pickled else ""
        raise UsageError(f"{folder}: has no *.safetensors{hint}")
    if elsewhere := [name for name in names if Path(name).name != name]:
        raise UsageError(f"{index}: {elsewhere[0]} is no file of this folder")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise UsageError(f"{folder}: {listed(missing)} is missing, which {_INDEX} names")
    return tuple(folder / name for name in names)


def _tensors(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a file, from its header (safetensors, format description)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
        text = file.read(length) if length <= min(size, _MOST_HEADER_BYTES) else b""
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        places = {name: tuple(map(int, entry["data_offsets"])) for name, entry in header.items()}
        shapes = {name: tuple(map(int, entry["shape"])) for name, entry in header.items()}
        dtypes = {name: str(entry["dtype"]) for name, entry in header.items()}
    except (ValueError, KeyError, AttributeError, TypeError, IndexError):
        raise UsageError(f"{path}: is no file of safetensors, or is damaged: its header cannot be read") from None
    if unknown := sorted(set(dtypes.values()) - _BYTES_OF.keys()):
        raise UsageError(f"{path}: holds {unknown[0]}, and a run takes weights in {listed(list(_BYTES_OF))}")
    held = {name: math.prod(shape) * _BYTES_OF[dtypes[name]] for name, shape in shapes.items()}
    if any(len(at) != 2 or at[1] - at[0] != held[name] for name, at in places.items()):
        raise UsageError(f"{path}: is damaged: its header gives tensors other sizes than their shapes have")
    if (whole := _HEADER_LENGTH_BYTES + length + sum(held.values())) != size:
        raise UsageError(f"{path}: has {size} bytes, and its header speaks of {whole}: copy it again")
    return shapes


def _layout(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of each weight of a Llama (transformers, modeling_llama.py)."""
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = head * config["num_attention_heads"], head * config["num_key_value_heads"]
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
        yield f"{layer}.input_layernorm.weight", (hidden,)
        yield f"{layer}.post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not config.get("tie_word_embeddings", False):
        yield "lm_head.weight", (vocabulary, hidden)


def _faults(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    if missing := sorted(wanted.keys() - found.keys()):
        yield f"{len(missing)} of {len(wanted)} tensors are missing, such as {missing[0]}"
    surplus = sorted(name for name in found.keys() - wanted.keys() if not name.endswith(_BUFFERS))
    if surplus:
        yield f"{len(surplus)} tensors are not of the Llama that config.json speaks of, such as {surplus[0]}"
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            yield f"{name} has shape {found[name]}, and by config.json it should have {shape}"

"""Checkpoints of real weights: a folder with the config.json of a Llama and its weights in safetensors."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from llm_claims.errors import UsageError, listed
from llm_claims.workloads.llm.shapes import SHAPES

SMOLLM2 = "smollm2-135m"
"""A small real Llama, made by `llm_claims.workloads.llm.smollm2`."""
PINNED: Mapping[str, str] = {SMOLLM2: "174abc8c45a69036"}
"""The digest that the weights of a model must have."""

_ARCHITECTURE = "LlamaForCausalLM"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_ADAPTER = "adapter_config.json"
_REPLACES_WEIGHTS = ("quantization_config", "compression_config", "transformers_weights")
"""Fields of config.json that make transformers load something else than the weights as they lie there."""
_SWITCHES = ("tie_word_embeddings", "attention_bias", "mlp_bias")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt")
# Sizes that say which model it is; a vocabulary may have been padded, and positions be extended.
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
# Buffers that old versions of transformers saved with the weights.
_BUFFERS = "rotary_emb.inv_freq"
_NO_HEADER = "is no file of safetensors, or is damaged: its header cannot be read"
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""The bytes of a weight, by safetensors' name of its dtype."""
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
            raise UsageError(
                f"{self.folder}: its weights have the digest {found}, and those of {self.name} {known}: if it is a "
                "checkpoint of your own, give it another name; else remove that folder, and make it again with: "
                "make weights"
            )
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
    try:
        return _checked(name, folder)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be read ({error.strerror})") from None


def _checked(name: str, folder: Path) -> Checkpoint:
    config = _config(name, folder)
    files = _files(folder)
    found: dict[str, tuple[int, ...]] = {}
    for path in files:
        tensors = _tensors(path)
        if twice := sorted(found.keys() & tensors.keys()):
            raise UsageError(
                f"{path}: has {twice[0]}, which another file has too: {listed([one.name for one in files])}"
            )
        found.update(tensors)
    if config["num_hidden_layers"] > len(found):
        # The layout of so many would not even fit into memory.
        raise UsageError(f"{folder}: has {len(found)} tensors, too few for {config['num_hidden_layers']} layers")
    wanted = dict(_layout(config))
    for fault in _faults(wanted, found):
        raise UsageError(f"{folder}: {fault}")
    parameters = sum(math.prod(shape) for shape in wanted.values())
    return Checkpoint(name, folder, config, files, parameters)


def digest_of(files: tuple[Path, ...]) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the SHA-256 of each file.

    They are computed anew when a file has changed. Copies may keep size and time of another file, but not the time at
    which the system has noted the change.

    Raises
    ------
    UsageError
        One cannot be read.
    """
    try:
        stamps = [(path, path.stat()) for path in files]
        return _digest(tuple((path, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for path, one in stamps))
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from None


@lru_cache(maxsize=8)
def _digest(stamps: tuple[tuple[Path, int, int, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, *_ in stamps:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def _object(text: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object that a text is; ``None`` if it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _read(path: Path) -> bytes:
    """Read a small file.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is no file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): a checkpoint is a folder with it") from None


def _config(name: str, folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    config = _object(_read(path))
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
        yield f"{field_name}: is not supported: weights are those of {_WEIGHTS}, in floating point"


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


def _files(folder: Path) -> tuple[Path, ...]:
    """Return the files that transformers loads from a folder: one file of a fixed name, or else those of the index.

    No others: what is loaded has to be what the digest is of.
    """
    if (folder / _ADAPTER).exists():
        raise UsageError(f"{folder}: has {_ADAPTER}, and weights with an adapter are not supported: merge it into them")
    if (folder / _WEIGHTS).is_file():
        return (folder / _WEIGHTS,)
    index = folder / _INDEX
    if not index.exists():
        raise UsageError(f"{folder}: has no {_WEIGHTS}{_what_is_there_instead(folder)}")
    names = _named_by(index)
    if outside := [name for name in names if Path(name).name != name]:
        raise UsageError(f"{index}: weight_map: {listed(outside)} is not in the folder of the checkpoint")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise UsageError(f"{folder}: {listed(missing)} is missing, which {_INDEX} names")
    return tuple(folder / name for name in names)


def _named_by(index: Path) -> list[str]:
    found = (_object(_read(index)) or {}).get("weight_map")
    names = list(found.values()) if isinstance(found, dict) else []
    if not names or not all(isinstance(name, str) and name and name.isprintable() for name in names):
        raise UsageError(f"{index}: has no weight_map that names the files of the weights")
    return sorted(set(names))


def _what_is_there_instead(folder: Path) -> str:
    there = sorted(path.name for path in folder.iterdir())
    if pickled := [name for name in there if name.endswith(_PICKLED)]:
        return f": {listed(pickled)} is pickled, and loading it could run any program: convert it"
    if others := [name for name in there if name.endswith(".safetensors")]:
        return f", nor a {_INDEX} that names {listed(others)}: a file that has all weights has to have that name"
    return ""


def _tensors(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a file, from its header (safetensors, format description).

    Raises
    ------
    UsageError
        The header cannot be read; or its tensors are not in floating point, or do not fill the file without a gap.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
        text = file.read(length) if length <= min(size, _MOST_HEADER_BYTES) else b""
    header = _object(text)
    if header is None:
        raise UsageError(f"{path}: {_NO_HEADER}")
    header.pop("__metadata__", None)
    try:
        entries = {name: _entry(one) for name, one in header.items()}
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path}: {_NO_HEADER}") from None
    for fault in _faults_of_places(entries, size - _HEADER_LENGTH_BYTES - length):
        raise UsageError(f"{path}: {fault}")
    return {name: shape for name, (_, shape, _) in entries.items()}


def _entry(stated: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    """Return dtype, shape, and begin and end of a tensor.

    Raises
    ------
    ValueError, KeyError, TypeError
        It has none.
    """
    start, end = stated["data_offsets"]
    shape = stated["shape"]
    if not isinstance(shape, list) or any(type(one) is not int or one < 0 for one in (*shape, start, end)):
        raise ValueError
    return str(stated["dtype"]), tuple(shape), (start, end)


def _faults_of_places(entries: Mapping[str, tuple[str, tuple[int, ...], tuple[int, int]]], size: int) -> Iterator[str]:
    """Yield what is wrong with tensors' dtypes, and with where they lie in the ``size`` bytes after the header."""
    at = 0
    for name, (dtype, shape, (start, end)) in sorted(entries.items(), key=lambda entry: entry[1][2]):
        if dtype not in _BYTES:
            yield f"{name} is in {dtype}, and weights have to be in floating point: {', '.join(_BYTES)}"
        if start != at or end - start != math.prod(shape) * _BYTES.get(dtype, 0):
            yield f"is damaged: by its header {name} lies where another tensor does, or is not of its own size"
        at = end
    if at != size:
        yield f"has {size} bytes of weights, and its header speaks of {at}: copy it again"


def _layout(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
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


def _faults(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    if missing := sorted(wanted.keys() - found.keys()):
        yield f"{len(missing)} of {len(wanted)} tensors are missing, such as {missing[0]}"
    surplus = sorted(name for name in found.keys() - wanted.keys() if not name.endswith(_BUFFERS))
    if surplus:
        yield f"{len(surplus)} tensors are not of the Llama that config.json speaks of, such as {surplus[0]}"
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            yield f"{name} has shape {found[name]}, and by config.json it should have {shape}"

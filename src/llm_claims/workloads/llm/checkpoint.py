"""Checkpoints of real weights: a folder with the config.json of a Llama and its weights in safetensors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from llm_claims.errors import UsageError, listed
from llm_claims.workloads.llm.llama_config import json_object, layout, read_config

SMOLLM2 = "smollm2-135m"
"""A small real Llama, made by `llm_claims.workloads.llm.smollm2`."""
PINNED: Mapping[str, str] = {SMOLLM2: "ada8f93a7354b9c0"}
"""The digest that the checkpoint of a model must have."""

_CONFIG, _WEIGHTS, _INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_ADAPTER = "adapter_config.json"
# Of the model that is made here. Without the second one, its tokenizer would have no end of text, and say nothing.
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt")
# Buffers that old versions of transformers saved with the weights.
_BUFFERS = "rotary_emb.inv_freq"
_FLOATING = ("F64", "F32", "F16", "BF16")
"""The dtypes that weights may have, by safetensors' names."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found sound; ``parameters`` counts its weights.

    ``config`` is that of its config.json; ``files`` are all that decides what it computes: config.json, and those of
    its weights in order of their names.
    """

    name: str
    folder: Path
    config: Mapping[str, Any] = field(compare=False)
    files: tuple[Path, ...]
    parameters: int

    @property
    def digest(self) -> str:
        """The digest of all bytes of its files as they are now; see `digest_of`.

        Raises
        ------
        UsageError
            The digest of this model is known, and this is another.
        """
        found, known = digest_of(self.files), PINNED.get(self.name)
        if known not in (None, found):
            raise UsageError(
                f"{self.folder}: of {listed([path.name for path in self.files])} one is damaged, or they are of a "
                f"different model, which needs another name: their digest is {found}, and {self.name} has {known}"
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
        raise UsageError(f"{error.filename or folder}: cannot be read ({error.strerror or error})") from None


def _checked(name: str, folder: Path) -> Checkpoint:
    config = read_config(name, folder / _CONFIG)
    for path in (folder / file for file in _TOKENIZER if name == SMOLLM2):
        if json_object(path) is None:
            raise UsageError(f"{path}: is not JSON with an object")
    weights = _files(folder)
    found: dict[str, tuple[int, ...]] = {}
    for path in weights:
        tensors = _tensors(path)
        if twice := sorted(found.keys() & tensors.keys()):
            raise UsageError(
                f"{path}: has {twice[0]}, which another file has too: {listed([one.name for one in weights])}"
            )
        found.update(tensors)
    if config["num_hidden_layers"] > len(found):
        # The layout of so many would not even fit into memory.
        raise UsageError(f"{folder}: has {len(found)} tensors, too few for {config['num_hidden_layers']} layers")
    wanted = dict(layout(config))
    for fault in _faults(wanted, found):
        raise UsageError(f"{folder}: {fault}")
    parameters = sum(math.prod(shape) for shape in wanted.values())
    return Checkpoint(name, folder, config, (folder / _CONFIG, *weights), parameters)


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
        raise UsageError(f"{error.filename or files[0].parent}: cannot be read ({error.strerror})") from None


@lru_cache(maxsize=8)
def _digest(stamps: tuple[tuple[Path, int, int, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, *_ in stamps:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


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
    found = (json_object(index) or {}).get("weight_map")
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
    """Return the shape of each tensor of a file, from its header: no weights are read.

    Raises
    ------
    UsageError
        It is no file of safetensors, or is damaged; or a tensor is not in floating point.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise UsageError(f"{path}: is read with the package safetensors: pip install 'llm-claims[live]'") from None
    try:
        # Opened first: of a file that may not be read, safetensors says that it is not there, and names none.
        with path.open("rb"), safe_open(path, framework="np") as file:
            tensors = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
            dtypes = {name: str(tensor.get_dtype()) for name, tensor in tensors.items()}
            shapes = {name: tuple(tensor.get_shape()) for name, tensor in tensors.items()}
    except SafetensorError as error:
        raise UsageError(f"{path}: is no file of safetensors, or is damaged ({error}): copy it again") from None
    for name in (name for name, dtype in dtypes.items() if dtype not in _FLOATING):
        raise UsageError(
            f"{path}: {name} is in {dtypes[name]}, and weights have to be in floating point: {', '.join(_FLOATING)}"
        )
    return shapes


def _faults(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    if missing := sorted(wanted.keys() - found.keys()):
        yield f"{len(missing)} of {len(wanted)} tensors are missing, such as {missing[0]}"
    surplus = sorted(name for name in found.keys() - wanted.keys() if not name.endswith(_BUFFERS))
    if surplus:
        yield f"{len(surplus)} tensors are not of the Llama that config.json speaks of, such as {surplus[0]}"
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            yield f"{name} has shape {found[name]}, and by config.json it should have {shape}"

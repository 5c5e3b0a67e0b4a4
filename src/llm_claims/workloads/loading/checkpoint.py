"""Checkpoints of stand-in models: folders that ``from_pretrained`` loads, built here without any download.

Their weights are random and of no use but to be loaded: what a claim about loading needs is their
number, their type, and files of the kind that a released model has.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from llm_claims.workloads.llm.precision import DTYPES
from llm_claims.workloads.llm.shapes import SEED, SHAPES
from llm_claims.workloads.loading.resident import available_bytes
from llm_claims.workloads.processes.fork import Fork, ForkChannel
from llm_claims.workloads.processes.process import Ended

if TYPE_CHECKING:
    import numpy as np
    import torch

Form = Literal["bin", "safetensors"]

MODELS = ("llama-270m",)
"""Models that can be loaded; 271M weights of two bytes weigh 542 MB."""
PRECISIONS = ("fp16", "bf16")
# A checkpoint of 7B has shards, so these have some too.
SHARDS = 5
"""A shard holds at most this part of the weights; as tensors are not split, there are some more of them."""

_NAMES: dict[Form, tuple[str, str]] = {
    "bin": ("pytorch_model", "pytorch_model.bin.index.json"),
    "safetensors": ("model", "model.safetensors.index.json"),
}
_BYTES_OF_A_WEIGHT = 2
# Random bits make random numbers, once the highest bit of the exponent is cleared: then all are finite and
# below 2, in both types. Drawing numbers from a distribution takes ten times as long.
_FINITE = 0xBFFF


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint on disk; ``checksum`` is what `checksum` of its tensors must add up to, modulo 2**64."""

    folder: Path
    model: str
    dtype: str
    weight_bytes: int
    checksum: int

    def forget(self) -> None:
        """Have the kernel drop the files' pages from memory.

        Whoever then loads them reads them anew, and the pages are charged to it; had they stayed, they
        would be charged to whoever wrote the files. On a file system in memory nothing can be dropped.
        """
        for path in self.folder.iterdir():
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Checkpoints:
    """The checkpoints in a folder, each built when it is first asked for, and kept.

    They are built in a forked child, so that the process that is forked for every load stays as it was.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[tuple[str, str, Form], Checkpoint] = {}

    def get(self, model: str, precision: str, form: Form) -> Checkpoint:
        """Return the checkpoint of a stand-in model of `MODELS`, with weights of a precision of `PRECISIONS`.

        Raises
        ------
        RuntimeError
            Too little disk or memory is free, or building it failed; the text says which.
        """
        key = (model, precision, form)
        if key not in self._built:
            self._built[key] = self._build(model, DTYPES[precision], form)
        return self._built[key]

    def _build(self, model: str, dtype: str, form: Form) -> Checkpoint:
        # The folder's last name is the model's: that is the name under which it is loaded.
        folder = self._folder / f"{dtype}-{form}" / model
        folder.mkdir(parents=True)
        child = Fork(lambda channel: _write(folder, SHAPES[model], dtype, form, channel))
        try:
            notes = child.receive()
            return Checkpoint(folder, model, dtype, notes["weight_bytes"], notes["checksum"])
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, Ended):
                raise RuntimeError(f"the checkpoint could not be built: {error}") from None
            raise
        finally:
            child.end()


def checksum(tensor: torch.Tensor) -> int:
    """Add up the weights' bits as words of eight bytes, modulo 2**64; every page is read and nothing is allocated."""
    import numpy as np
    import torch

    bits = tensor.detach().contiguous().view(torch.int16).numpy().reshape(-1)
    return int(bits.view(np.uint64).sum())


def _write(folder: Path, shape: dict[str, Any], dtype: str, form: Form, channel: ForkChannel) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**shape, dtype=dtype, architectures=["LlamaForCausalLM"])
    with torch.device("meta"):
        layout = {name: tensor.shape for name, tensor in LlamaForCausalLM(config).state_dict().items()}
    size = sum(shape.numel() for shape in layout.values()) * _BYTES_OF_A_WEIGHT
    _refuse_to_fill(folder, size)
    config.save_pretrained(folder)
    channel.send({"weight_bytes": size, "checksum": write_weights(folder, layout, dtype, form)})


def write_weights(folder: Path, layout: dict[str, torch.Size], dtype: str, form: Form) -> int:
    """Write random weights in shards, with their index; return their checksum."""
    import numpy as np

    random = np.random.default_rng(SEED)
    sizes = {name: shape.numel() * _BYTES_OF_A_WEIGHT for name, shape in layout.items()}
    total = sum(sizes.values())
    shards = list(_shards(sizes, total // SHARDS))
    stem, index = _NAMES[form]
    places, added_up = {}, 0
    for number, names in enumerate(shards, start=1):
        file = f"{stem}-{number:05}-of-{len(shards):05}.{form}"
        tensors = {name: _drawn(random, layout[name], dtype) for name in names}
        added_up += sum(map(checksum, tensors.values()))
        _save(tensors, folder / file, form)
        places.update(dict.fromkeys(names, file))
    content = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / index).write_text(json.dumps(content), encoding="utf-8")
    return added_up % 2**64


def _refuse_to_fill(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise RuntimeError(f"{size / 1e6:.0f} MB of weights, and {free / 1e6:.0f} MB free on the disk of {folder}")
    refuse_to_fill_memory(size)


def refuse_to_fill_memory(size: int) -> None:
    """Refuse weights of ``size`` bytes on a machine that loading them might exhaust.

    Raises
    ------
    RuntimeError
        Less than three times as much memory is available: the weights twice, and everything else.
    """
    if (available := available_bytes()) < 3 * size:
        raise RuntimeError(f"{size / 1e6:.0f} MB of weights, and {available / 1e6:.0f} MB of memory available")


def _shards(sizes: dict[str, int], most: int) -> Iterator[list[str]]:
    """Group tensors in their order, so that no group of several exceeds ``most`` bytes."""
    names: list[str] = []
    for name in sizes:
        if names and sum(sizes[one] for one in names) + sizes[name] > most:
            yield names
            names = []
        names.append(name)
    yield names


def _drawn(random: np.random.Generator, shape: torch.Size, dtype: str) -> torch.Tensor:
    import numpy as np
    import torch

    bits = random.integers(0, 1 << 16, shape, np.uint16) & np.uint16(_FINITE)
    return torch.from_numpy(bits.view(np.int16)).view(getattr(torch, dtype))


def _save(tensors: dict[str, torch.Tensor], path: Path, form: Form) -> None:
    """Write one shard, down to the disk: only what is there can be dropped from memory."""
    import torch
    from safetensors.torch import save_file

    if form == "safetensors":
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path)  # the library itself writes this form no more
    with open(path, "rb") as file:
        os.fsync(file.fileno())

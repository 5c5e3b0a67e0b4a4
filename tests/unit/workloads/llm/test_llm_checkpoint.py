"""A folder is a checkpoint or is refused, with the file and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from checkpoints import CONFIG, PARAMETERS, shapes, write_checkpoint, write_config

from llm_claims.errors import UsageError
from llm_claims.workloads.llm import checkpoint
from llm_claims.workloads.llm.checkpoint import read_checkpoint

LAYOUT = shapes()
FIRST = "model.layers.0.self_attn.q_proj.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint."""
    return write_checkpoint(tmp_path / "own", LAYOUT)


def test_a_sound_one_says_what_it_is(folder: Path) -> None:
    found = read_checkpoint("own", folder)
    assert (found.parameters, found.positions) == (PARAMETERS, 64)
    assert len(found.digest) == 16


def test_one_in_several_files_is_read_by_its_index(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    (folder / "other.safetensors").write_bytes(b"not of the weights")
    index = {"weight_map": dict.fromkeys(LAYOUT, "part.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert [path.name for path in read_checkpoint("own", folder).files] == ["part.safetensors"]


def test_one_changed_byte_changes_the_digest(folder: Path) -> None:
    found = read_checkpoint("own", folder)
    before = found.digest
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert found.digest != before


def test_weights_whose_digest_is_known_must_have_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PINNED", {"own": "0123456789abcdef"})
    with pytest.raises(UsageError, match=r"its weights have the digest .+, and those of own 0123456789abcdef"):
        _ = read_checkpoint("own", folder).digest


def _truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _drop(folder: Path) -> None:
    left = {name: shape for name, shape in LAYOUT.items() if name != FIRST}
    _rewrite(folder, left)


def _rewrite(folder: Path, layout: dict[str, tuple[int, ...]]) -> None:
    write_checkpoint(folder / "other", layout)
    (folder / "other/model.safetensors").rename(folder / "model.safetensors")


def _rewrite_header(folder: Path, **changed: object) -> None:
    """Change what a file says of each of its tensors."""
    path = folder / "model.safetensors"
    length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + length])
    text = json.dumps({name: {**entry, **changed} for name, entry in header.items() if name != "__metadata__"}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + path.read_bytes()[8 + length :])


def _index(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "model.safetensors.index.json").write_text(text) and None


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json: cannot be read (No such file"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json: is not JSON"),
    "another architecture": (
        lambda folder: write_config(folder, architectures=["GPT2LMHeadModel"]),
        "config.json: architectures: GPT2LMHeadModel; only LlamaForCausalLM can be run",
    ),
    "no object": (lambda folder: (folder / "config.json").write_text("[]"), "config.json: is no JSON object"),
    "too many layers": (
        lambda folder: write_config(folder, num_hidden_layers=10**9),
        "num_hidden_layers: must be a whole number from 1 to 1000, is 1000000000",
    ),
    "a head of words": (lambda folder: write_config(folder, head_dim="x"), "head_dim: must be a whole number, is 'x'"),
    "a file elsewhere": (
        lambda folder: _index('{"weight_map": {"a": "../own/model.safetensors"}}')(folder),
        "../own/model.safetensors is no file of this folder",
    ),
    "integers": (
        lambda folder: _rewrite_header(folder, dtype="I8"),
        "holds I8, and a run takes weights in F32, F16, BF16",
    ),
    "other sizes": (lambda folder: _rewrite_header(folder, shape=[3]), "its header gives tensors other sizes"),
    "no size": (lambda folder: write_config(folder, hidden_size=None), "hidden_size: must be a whole number from 1"),
    "pickled": (_pickle, "has no *.safetensors: pytorch_model.bin is pickled, and loading it could run any program"),
    "nothing": (lambda folder: (folder / "model.safetensors").unlink(), "has no *.safetensors"),
    "truncated": (_truncate, "and its header speaks of"),
    "no header": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 64),
        "is no file of safetensors, or is damaged",
    ),
    "empty": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "is no file of safetensors"),
    "missing": (_drop, f"1 of {len(LAYOUT)} tensors are missing, such as {FIRST}"),
    "surplus": (
        lambda folder: _rewrite(folder, {**LAYOUT, "lm_head.weight": (300, 32)}),
        "1 tensors are not of the Llama that config.json speaks of, such as lm_head.weight",
    ),
    "wrong shape": (
        lambda folder: _rewrite(folder, {**LAYOUT, FIRST: (32, 16)}),
        f"{FIRST} has shape (32, 16), and by config.json it should have (32, 32)",
    ),
    "missing file": (_index('{"weight_map": {"a": "gone.safetensors"}}'), "gone.safetensors is missing"),
    "no index": (_index("[]"), "has no weight_map"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_one_is_refused_with_its_fault(folder: Path, name: str) -> None:
    spoil, words = SPOILED[name]
    spoil(folder)
    with pytest.raises(UsageError) as caught:
        read_checkpoint("own", folder)
    assert words in str(caught.value)
    assert str(folder) in str(caught.value)


def test_one_of_another_size_has_not_the_name_of_a_model_of_the_document(folder: Path) -> None:
    with pytest.raises(UsageError, match="hidden_size: is 32, but llama-7b has 4096: give the checkpoint another name"):
        read_checkpoint("llama-7b", folder)


def test_buffers_that_old_versions_saved_are_no_weights(folder: Path) -> None:
    _rewrite(folder, {**LAYOUT, "model.layers.0.self_attn.rotary_emb.inv_freq": (4,)})
    assert read_checkpoint("own", folder).parameters == PARAMETERS


def test_the_layout_is_that_of_transformers(folder: Path) -> None:
    write_config(folder, tie_word_embeddings=False)
    _rewrite(folder, {**LAYOUT, "lm_head.weight": (CONFIG["vocab_size"], CONFIG["hidden_size"])})
    assert read_checkpoint("own", folder).parameters == PARAMETERS + 300 * 32

"""A folder is a checkpoint or is refused, with the file and what is wrong with it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from checkpoints import CONFIG, PARAMETERS, shapes, write_checkpoint, write_config

from llm_claims.errors import UsageError
from llm_claims.workloads.llm import checkpoint
from llm_claims.workloads.llm.checkpoint import read_checkpoint

FIRST = "model.layers.0.self_attn.q_proj.weight"
TENSORS = 2 * 9 + 2
"""Nine of each layer, the embedding and the last norm."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint."""
    return write_checkpoint(tmp_path / "own", shapes())


def test_a_sound_one_says_what_it_is(folder: Path) -> None:
    found = read_checkpoint("own", folder)
    assert (found.parameters, found.positions) == (PARAMETERS, 64)
    assert len(found.digest) == 16


def test_one_in_several_files_is_read_by_its_index(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    (folder / "other.safetensors").write_bytes(b"not of the weights")
    index = {"weight_map": dict.fromkeys(shapes(), "part.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert [path.name for path in read_checkpoint("own", folder).files] == ["config.json", "part.safetensors"]


def test_only_what_transformers_loads_is_read(folder: Path) -> None:
    (folder / "consolidated.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "consolidated.safetensors"}}')
    assert [path.name for path in read_checkpoint("own", folder).files] == ["config.json", "model.safetensors"]


def test_weights_may_be_links(folder: Path) -> None:
    # As in the cache of huggingface_hub.
    (folder / "model.safetensors").rename(folder / "blob")
    (folder / "model.safetensors").symlink_to("blob")
    assert read_checkpoint("own", folder).parameters == PARAMETERS


def test_another_file_of_the_same_size_and_time_has_another_digest(folder: Path) -> None:
    found, path = read_checkpoint("own", folder), folder / "model.safetensors"
    before, then = found.digest, path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert found.digest != before


def test_a_digest_of_what_has_gone_says_so(folder: Path) -> None:
    found = read_checkpoint("own", folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"model.safetensors: cannot be read \(No such file"):
        _ = found.digest


def test_one_changed_byte_changes_the_digest(folder: Path) -> None:
    found = read_checkpoint("own", folder)
    before = found.digest
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert found.digest != before


def test_other_computing_on_the_same_weights_has_another_digest(folder: Path) -> None:
    before = read_checkpoint("own", folder).digest
    write_config(folder, rope_theta=500_000.0)
    assert read_checkpoint("own", folder).digest != before


def test_weights_whose_digest_is_known_must_have_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PINNED", {"own": "0123456789abcdef"})
    with pytest.raises(
        UsageError,
        match=r"of config.json, model.safetensors one is .* digest is .+, and own has 0123",
    ):
        _ = read_checkpoint("own", folder).digest


def test_weights_that_may_not_be_read_say_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # safetensors calls every file that it cannot open one that is not there, and names none.
    path, opened = folder / "model.safetensors", Path.open

    def refuse(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match=r"model.safetensors: cannot be read \(Permission denied\)"):
        read_checkpoint("own", folder)


def test_a_disk_that_fails_within_a_file_is_told_with_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_checkpoint("own", folder)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint.hashlib, "file_digest", fail)
    with pytest.raises(UsageError, match=rf"{folder}: cannot be read \(Input/output error\)"):
        _ = found.digest


def _truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _drop(folder: Path) -> None:
    left = {name: shape for name, shape in shapes().items() if name != FIRST}
    _rewrite(folder, left)


def _rewrite(folder: Path, layout: dict[str, tuple[int, ...]]) -> None:
    write_checkpoint(folder / "other", layout)
    (folder / "other/model.safetensors").rename(folder / "model.safetensors")


def _index(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "part.safetensors")
        (folder / "model.safetensors.index.json").write_text(text)

    return write


def _stated(**changed: object) -> Callable[[Path], None]:
    return lambda folder: write_config(folder, **changed)


def _header(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Change what the header says, and nothing else."""

    def write(folder: Path) -> None:
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        length = int.from_bytes(whole[:8], "little")
        header = json.loads(whole[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + length :])

    return write


def _all_in(dtype: str) -> Callable[[Path], None]:
    """A sound file whose weights have one byte each."""

    def write(folder: Path) -> None:
        ends = list(accumulate(map(math.prod, shapes().values()), initial=0))
        places = zip(shapes().items(), pairwise(ends), strict=True)
        header = {name: {"dtype": dtype, "shape": shape, "data_offsets": at} for (name, shape), at in places}
        text = json.dumps(header).encode()
        (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(ends[-1]))

    return write


def _nested(folder: Path) -> None:
    text = b"[" * 100_000
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)


def _twice(folder: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


DAMAGED = "model.safetensors: is no file of safetensors, or is damaged (Error while deserializing header: "


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json: cannot be read (No such file"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json: is not JSON"),
    "a list": (lambda folder: (folder / "config.json").write_text("[]"), "config.json: is not JSON with an object"),
    "nested": (lambda folder: (folder / "config.json").write_text("[" * 100_000), "is not JSON with an object"),
    "a folder": (lambda folder: [(folder / "config.json").unlink(), (folder / "config.json").mkdir()], "is no file"),
    "no architecture": (_stated(architectures=3), "architectures: 3; only LlamaForCausalLM can be run"),
    "quantized": (_stated(quantization_config={"quant_method": "fp8"}), "quantization_config: is not supported"),
    "other weights": (_stated(transformers_weights="x.safetensors"), "transformers_weights: is not supported"),
    "an adapter": (lambda folder: (folder / "adapter_config.json").write_text("{}"), "has adapter_config.json"),
    "true": (_stated(num_hidden_layers=True), "num_hidden_layers: must be a positive number, is True"),
    "a word": (_stated(head_dim="x"), "head_dim: must be a positive number, is 'x'"),
    "no switch": (_stated(tie_word_embeddings="no"), "tie_word_embeddings: must be true or false, is 'no'"),
    "huge": (_stated(num_hidden_layers=10**9), "tensors, too few for 1000000000 layers"),
    "uneven": (_stated(num_key_value_heads=3), "num_key_value_heads: is 3, which does not divide the 4 of"),
    "no biases": (
        _stated(attention_bias=True, mlp_bias=True),
        "are missing, such as model.layers.0.mlp.down_proj.bias",
    ),
    "another architecture": (
        lambda folder: write_config(folder, architectures=["GPT2LMHeadModel"]),
        "config.json: architectures: GPT2LMHeadModel; only LlamaForCausalLM can be run",
    ),
    "no size": (lambda folder: write_config(folder, hidden_size=None), "hidden_size: must be a positive number"),
    "pickled": (
        _pickle,
        "has no model.safetensors: pytorch_model.bin is pickled, and loading it could run any program",
    ),
    "nothing": (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors"),
    "another name": (
        lambda folder: (folder / "model.safetensors").rename(folder / "weights.safetensors"),
        "has no model.safetensors, nor a model.safetensors.index.json that names weights.safetensors",
    ),
    "a folder of weights": (
        lambda folder: [(folder / "model.safetensors").unlink(), (folder / "model.safetensors").mkdir()],
        "has no model.safetensors",
    ),
    "truncated": (_truncate, DAMAGED),
    "in integers": (_all_in("I8"), "is in I8, and weights have to be in floating point: F64, F32, F16, BF16"),
    "in 8 bits": (_all_in("F8_E4M3"), "is in F8_E4M3, and weights have to be in floating point"),
    "said to be shorter": (
        _header(lambda header: [header[name].update(dtype="F16") for name in shapes()] and None),
        DAMAGED,
    ),
    "overlapping": (
        _header(lambda header: header[FIRST].update(data_offsets=header["model.norm.weight"]["data_offsets"])),
        DAMAGED,
    ),
    "negative": (_header(lambda header: header[FIRST].update(data_offsets=[-8, 0])), DAMAGED),
    "words for numbers": (_header(lambda header: header[FIRST].update(shape=["32", "32"])), DAMAGED),
    "nested header": (_nested, DAMAGED),
    "no header": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 64),
        DAMAGED,
    ),
    "empty": (lambda folder: (folder / "model.safetensors").write_bytes(b""), DAMAGED),
    "missing": (_drop, f"1 of {TENSORS} tensors are missing, such as {FIRST}"),
    "surplus": (
        lambda folder: _rewrite(folder, {**shapes(), "lm_head.weight": (300, 32)}),
        "1 tensors are not of the Llama that config.json speaks of, such as lm_head.weight",
    ),
    "wrong shape": (
        lambda folder: _rewrite(folder, {**shapes(), FIRST: (32, 16)}),
        f"{FIRST} has shape (32, 16), and by config.json it should have (32, 32)",
    ),
    "missing file": (_index('{"weight_map": {"a": "gone.safetensors"}}'), "gone.safetensors is missing"),
    "no index": (_index("[]"), "has no weight_map"),
    "no names": (_index('{"weight_map": {"a": 1}}'), "has no weight_map"),
    "no characters": (_index('{"weight_map": {"a": "\\ud800"}}'), "has no weight_map"),
    "outside": (
        _index('{"weight_map": {"a": "../../etc/passwd"}}'),
        "weight_map: ../../etc/passwd is not in the folder of the checkpoint",
    ),
    "twice": (_twice, "which another file has too: a.safetensors, b.safetensors"),
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
    _rewrite(folder, {**shapes(), "model.layers.0.self_attn.rotary_emb.inv_freq": (4,)})
    assert read_checkpoint("own", folder).parameters == PARAMETERS


def test_the_layout_is_that_of_transformers(folder: Path) -> None:
    write_config(folder, tie_word_embeddings=False)
    _rewrite(folder, {**shapes(), "lm_head.weight": (CONFIG["vocab_size"], CONFIG["hidden_size"])})
    assert read_checkpoint("own", folder).parameters == PARAMETERS + 300 * 32

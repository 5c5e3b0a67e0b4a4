"""The base model of the CPU tier: a small Llama that has learned its language before any fine-tuning.

New tokens can start at the mean of the old ones only where the old ones mean something, so the runs
begin from weights that were trained here, on text without the new tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from llm_claims.programs.training.corpus import NEW_TOKENS, build_tokenizer, statements, token_blocks

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

SEED = 20231
SHAPES: dict[str, dict[str, Any]] = {
    "llama-tiny": {
        "hidden_size": 64,
        "intermediate_size": 172,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128,
        "tie_word_embeddings": False,
    }
}
_PRETRAINING_STEPS = 120
_PRETRAINING_BATCH = 8
_PRETRAINING_CONTEXT = 64
_PRETRAINING_RATE = 3e-3


def save_base_model(name: str, folder: Path) -> Path:
    """Train the base model ``name`` and save it with its tokenizer in ``folder``; the same weights on every call.

    Raises
    ------
    ValueError
        No such model; the text lists what there is.
    """
    if name not in SHAPES:
        raise ValueError(f"no model {name!r}; there is {', '.join(SHAPES)}")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = build_tokenizer()
    special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **SHAPES[name], **special))
    _pretrain(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _pretrain(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    import torch

    blocks = token_blocks(statements(SEED), tokenizer, _PRETRAINING_STEPS * _PRETRAINING_BATCH, _PRETRAINING_CONTEXT)
    data = torch.tensor(blocks).view(_PRETRAINING_STEPS, _PRETRAINING_BATCH, _PRETRAINING_CONTEXT)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_PRETRAINING_RATE, fused=True)
    model.train()
    for batch in data:
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def load_with_new_tokens(
    folder: Path, new_token_init: Literal["random", "mean"], seed: int
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Load the base model, and add the new tokens to its tokenizer and to both of its embeddings.

    "random" draws their rows as the model's own were drawn, from a normal distribution of its
    ``initializer_range``; "mean" sets each to the mean of the old rows.
    """
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    generator = torch.Generator().manual_seed(seed)
    for rows in embeddings_of(model):
        old, new = rows[: -len(NEW_TOKENS)], rows[-len(NEW_TOKENS) :]
        with torch.no_grad():
            if new_token_init == "mean":
                new.copy_(old.mean(dim=0, keepdim=True).expand_as(new))
            else:
                new.normal_(0.0, model.config.initializer_range, generator=generator)
    return model, tokenizer


def embeddings_of(model: LlamaForCausalLM) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of the input and the output embedding, each of shape (vocabulary, hidden)."""
    return model.model.embed_tokens.weight, model.lm_head.weight

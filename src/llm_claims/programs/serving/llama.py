"""The stand-in model of the CPU tier: a Llama with random weights that nobody has to download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_claims.programs.serving.prompts import MAX_TOKENS, VOCABULARY_SIZE

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

SEED = 20231
TORCH_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}

# About 30M weights. Wide and shallow, because every layer costs Python time on each new token: with
# two layers the matrix products, whose cost the claims are about, outweigh that overhead. As in other
# models of this size, half of the weights are embeddings.
SHAPES: dict[str, dict[str, Any]] = {
    "llama-30m": {
        "hidden_size": 768,
        "intermediate_size": 2048,
        "num_hidden_layers": 2,
        "num_attention_heads": 12,
        "num_key_value_heads": 12,
        "vocab_size": VOCABULARY_SIZE,
        "max_position_embeddings": MAX_TOKENS,
        "tie_word_embeddings": False,
    }
}


def build_llama(
    name: str, tokenizer: PreTrainedTokenizerBase, precision: str = "fp32", seed: int = SEED
) -> LlamaForCausalLM:
    """Build the model ``name`` with random weights in evaluation mode, on the processor.

    The same ``seed`` gives the same weights, drawn in fp32 and then cast; the global random state
    is left as it was.

    Raises
    ------
    ValueError
        No such model, or a precision that this processor tier does not run; the text lists what there is.
    """
    if name not in SHAPES:
        raise ValueError(f"no model {name!r}; there is {', '.join(SHAPES)}")
    if precision not in TORCH_DTYPES:
        raise ValueError(f"no precision {precision!r} for {name}; there is {', '.join(TORCH_DTYPES)}")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
    config = LlamaConfig(**SHAPES[name], **special)
    config.name_or_path = name
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.to(getattr(torch, TORCH_DTYPES[precision]))
    model.eval()  # type: ignore[no-untyped-call]
    return model

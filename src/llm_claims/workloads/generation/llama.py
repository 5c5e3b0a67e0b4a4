"""The models that are served: Llamas with random weights that nobody has to download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.generation.prompts import MAX_TOKENS, VOCABULARY_SIZE
from llm_claims.workloads.llm.shapes import LARGE_SHAPES

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

SEED = 20231
TORCH_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

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
    },
    **LARGE_SHAPES,
}


def build_llama(
    name: str, tokenizer: PreTrainedTokenizerBase, precision: str = "fp32", seed: int = SEED, device: str = "cpu"
) -> LlamaForCausalLM:
    """Build the model ``name`` with random weights in evaluation mode on ``device``.

    The same ``seed`` gives the same weights; the global random state is left as it was. On a processor they are
    drawn in fp32 and then cast; on a GPU, where there may be no room for that, in ``precision``.

    Raises
    ------
    ValueError
        No such model, or an unknown precision; the text lists what there is.
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
    dtype = getattr(torch, TORCH_DTYPES[precision])
    with _drawing(seed, device, torch.float32 if device == "cpu" else dtype):
        model = LlamaForCausalLM(config)
    model.to(dtype)
    model.eval()  # type: ignore[no-untyped-call]
    return model


@contextmanager
def _drawing(seed: int, device: str, dtype: torch.dtype) -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[] if device == "cpu" else [device]), torch.device(device):
        torch.manual_seed(seed)
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

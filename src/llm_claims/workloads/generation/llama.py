"""The models that are served: Llamas with random weights, built without any download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llm_claims.workloads.llm.precision import DTYPES
from llm_claims.workloads.llm.shapes import LARGE, SEED, SHAPES

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

MODELS = ("llama-30m", "llama-88m", *LARGE)
"""The models that can be served."""


def build_llama(
    name: str, tokenizer: PreTrainedTokenizerBase, precision: str = "fp32", seed: int = SEED, device: str = "cpu"
) -> LlamaForCausalLM:
    """Build the model ``name`` with random weights in evaluation mode on ``device``.

    The same ``seed`` gives the same weights; the global random state does not change. On a processor the weights
    are drawn in fp32 and then cast; on a GPU, which may have too little memory for that, in ``precision``.

    Raises
    ------
    ValueError
        The model or the precision is unknown; the text lists the known ones.
    """
    if name not in MODELS:
        raise ValueError(f"no model {name!r}; choose from {', '.join(MODELS)}")
    if precision not in DTYPES:
        raise ValueError(f"no precision {precision!r} for {name}; choose from {', '.join(DTYPES)}")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
    config = LlamaConfig(**SHAPES[name], **special)
    config.name_or_path = name
    dtype = getattr(torch, DTYPES[precision])
    with _drawing(seed, device, torch.float32 if device == "cpu" else dtype):
        model = LlamaForCausalLM(config)
    model.to(dtype)
    model.eval()  # type: ignore[no-untyped-call]
    return model


@contextmanager
def _drawing(seed: int, device: str, dtype: torch.dtype) -> Iterator[None]:
    """Build modules from ``seed`` on ``device`` in ``dtype``; restore random state and default dtype at the end."""
    import torch

    before = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[] if device == "cpu" else [device]), torch.device(device):
        torch.manual_seed(seed)
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

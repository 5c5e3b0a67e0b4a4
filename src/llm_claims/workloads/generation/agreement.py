"""Whether a model computes the same behind an engine as without: a fast engine that computes something else is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_PROMPT_TOKENS = 16


def logits_of(model: Any) -> torch.Tensor:
    """Return the logits that follow a prompt of fixed tokens, shape (vocabulary,), in fp32 on the processor."""
    import torch

    tokens = torch.arange(1, _PROMPT_TOKENS + 1, device=next(model.parameters()).device).unsqueeze(0)
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=tokens, use_cache=False).logits
    return logits[0, -1].float().cpu()


def least_cosine(layers: int, dtype: torch.dtype) -> float:
    """Return the least cosine between logits of one model that were rounded differently in every layer.

    An error of ε relative to a vector turns it by ε at most, and cos ε ≥ 1 − ε²/2; rounding that adds up in each
    layer makes ε = layers · machine epsilon (Higham,
    Accuracy and Stability of Numerical Algorithms, 2002, lemma 3.1).
    """
    import torch

    return float(1 - (layers * torch.finfo(dtype).eps) ** 2 / 2)


def disagreement(before: torch.Tensor, after: torch.Tensor, layers: int, dtype: torch.dtype) -> str | None:
    """Say how logits differ by more than rounding makes them; ``None`` if they do not."""
    import torch

    cosine = float(torch.nn.functional.cosine_similarity(before, after, dim=0))
    least = least_cosine(layers, dtype)
    if cosine >= least:
        return None
    return (
        f"it computes other logits than the model alone: their cosine is {cosine:.4f}, and rounding leaves {least:.4f}"
    )

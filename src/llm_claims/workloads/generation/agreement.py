"""Check that a model computes the same in an engine as alone: a fast engine with wrong results does not count."""

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
    """Return the least cosine that rounding alone can leave between logits of the same model.

    A relative error of ε turns a vector by an angle of at most ε, and cos ε ≥ 1 − ε²/2. If rounding errors add up
    over the layers, ε = layers · machine epsilon (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
    lemma 3.1).
    """
    import torch

    return float(1 - (layers * torch.finfo(dtype).eps) ** 2 / 2)


def disagreement(before: torch.Tensor, after: torch.Tensor, layers: int, dtype: torch.dtype) -> str | None:
    """Return a sentence if logits differ by more than rounding explains; ``None`` if they do not.

    ``before`` are those of the model alone, ``after`` those in the engine, each of shape (vocabulary,).
    """
    import torch

    cosine = float(torch.nn.functional.cosine_similarity(before, after, dim=0))
    least = least_cosine(layers, dtype)
    if cosine >= least:
        return None
    return (
        f"it computes other logits than the model alone: their cosine is {cosine:.4f}, and rounding leaves {least:.4f}"
    )

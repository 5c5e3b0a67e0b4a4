"""Weight-only int8: store the weights of linear layers in one byte each, and compute in the activation's dtype."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import torch

_LARGEST = 127


class Int8Linear(torch.nn.Module):
    """A linear layer without bias whose weights are int8, with one scale for each output channel.

    Symmetric, as gpt-fast does it (pytorch-labs/gpt-fast, ``quantize.py``, ``WeightOnlyInt8Linear``, 2023):
    with W of shape (out, in), a channel's scale is s = max|W| / 127, and its weights are round(W / s).
    The forward is (x · q.to(x.dtype)ᵀ) · s. Compiled, the conversion is part of the product, so that a byte is read for
    each weight; without compilation, all weights are first written out in the activation's dtype.
    """

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        # In fp32, since bf16 has too few digits to divide by: one layer at a time, so the peak is one layer's.
        whole = linear.weight.detach().float()
        scales = whole.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / _LARGEST
        rounded = (whole / scales.unsqueeze(1)).round().clamp(-_LARGEST, _LARGEST)
        self.weight = torch.nn.Parameter(rounded.to(torch.int8), requires_grad=False)
        self.register_buffer("scales", scales.to(linear.weight.dtype))
        self.scales: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the product for activations of shape (…, in), of shape (…, out)."""
        return torch.nn.functional.linear(x, self.weight.to(x.dtype)) * self.scales


def quantize(model: torch.nn.Module) -> None:
    """Replace every linear layer of a model, one after the other: never more than one is held twice.

    Raises
    ------
    ValueError
        A linear layer has a bias, which no Llama has.
    """
    # Names, and not the layers, so that nothing holds the weights of a layer that has been replaced.
    for owner in [module for module in model.modules() if not isinstance(module, torch.nn.Linear)]:
        for name in [name for name, layer in owner.named_children() if isinstance(layer, torch.nn.Linear)]:
            if getattr(owner, name).bias is not None:
                raise ValueError(f"{name} has a bias: only linear layers without one are quantized")
            setattr(owner, name, Int8Linear(getattr(owner, name)))


def quantization_of(model: torch.nn.Module) -> str | None:
    """Name the integers that the layers with a matrix really hold, "int8"; ``None`` if none holds any.

    If layers differ, all of their dtypes are named, joined by a plus.
    """
    held = {str(module.weight.dtype).removeprefix("torch.") for module in model.modules() if multiplies(module)}
    return "+".join(sorted(held)) if any("int" in one for one in held) else None


def multiplies(module: torch.nn.Module) -> bool:
    """Whether a layer multiplies by a matrix, of whatever class: engines replace linear layers. Embeddings look up."""
    return getattr(getattr(module, "weight", None), "ndim", 0) == 2 and not isinstance(module, torch.nn.Embedding)


def weight_bytes(model: torch.nn.Module) -> int:
    """Count the bytes of all weights as they are stored, with their scales; of several devices, of the fullest.

    The input embedding counts, though one row of it is read for a token: documents print the bandwidth so.
    """
    found: Counter[torch.device] = Counter()
    scales = (module.scales for module in model.modules() if isinstance(module, Int8Linear))
    for held in chain(model.parameters(), scales):
        found[held.device] += held.numel() * held.element_size()
    return max(found.values())

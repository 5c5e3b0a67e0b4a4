"""Observe with hooks what a training run really does, so that no field of the witness is copied from the request."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.llm.precision import DTYPES
from llm_claims.workloads.training.base_model import embeddings_of
from llm_claims.workloads.training.corpus import NEW_TOKENS

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM


_EQUAL = 2.0**-8
"""Relative tolerance of equal means: bf16 has eight significant bits."""


class ModelObserver:
    """Observes the forwards of one model: shapes, dtypes of matrix products, how often layers ran.

    The hooks add to sets and counters: microseconds, in a forward of milliseconds. Samples stay on the device
    until `samples` is read, because copying them would make the processor wait for the device.
    """

    def __init__(self, model: LlamaForCausalLM) -> None:
        from torch.nn import Linear

        self.reset()
        model.register_forward_pre_hook(self._on_forward, with_kwargs=True)
        # On a submodule of the layer, because checkpointing runs the layer's own hooks only once.
        model.model.layers[0].self_attn.register_forward_pre_hook(self._on_layer)
        for module in model.modules():
            if isinstance(module, Linear):
                # Under autocast inputs and weights stay in fp32; only the result has the dtype of the product.
                module.register_forward_hook(self._on_product)

    def reset(self) -> None:
        """Clear all observations, before a run."""
        self.forwards = 0
        self.layer_runs = 0
        self._ids: list[torch.Tensor] = []
        self._dtypes: set[torch.dtype] = set()
        self._devices: set[str] = set()
        self._shapes: set[tuple[int, int]] = set()

    def _on_forward(self, _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        self.forwards += 1
        self._ids.append(ids.detach().clone())
        self._devices.add(ids.device.type)
        self._shapes.add(tuple(ids.shape))

    def _on_layer(self, *_: Any) -> None:
        self.layer_runs += 1

    def _on_product(self, _: torch.nn.Module, __: tuple[Any, ...], result: torch.Tensor) -> None:
        self._dtypes.add(result.dtype)

    @property
    def samples(self) -> set[bytes]:
        """The distinct samples seen; ranks may share some, since uneven numbers are filled up with repeated samples."""
        return {row.tobytes() for ids in self._ids for row in ids.cpu().numpy()}

    @property
    def forward_dtypes(self) -> tuple[str, ...]:
        """The dtypes of all matrix products with weights, sorted."""
        return tuple(sorted(str(dtype).removeprefix("torch.") for dtype in self._dtypes))

    @property
    def device(self) -> str:
        """The type of the device that the inputs were on, in PyTorch's name for it."""
        return "+".join(sorted(self._devices))

    @property
    def micro_batch(self) -> int:
        """Samples of the largest forward, because the last one may have fewer."""
        return max(samples for samples, _ in self._shapes)

    @property
    def context_tokens(self) -> int | None:
        """Tokens of each sample, ``None`` if they differ."""
        lengths = {tokens for _, tokens in self._shapes}
        return lengths.pop() if len(lengths) == 1 else None

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether layers ran more often than the model: checkpointing runs them again in the backward pass."""
        return self.layer_runs > self.forwards


def observed_init(model: LlamaForCausalLM) -> str:
    """Return how the new rows of both embeddings began: "mean", "random", "other", or "mixed" if the two differ.

    "random" is a normal distribution with the model's ``initializer_range`` as its standard deviation.
    """
    width = model.config.initializer_range
    both = (rows.detach().float() for rows in embeddings_of(model))
    found = {_init_of(rows[: -len(NEW_TOKENS)], rows[-len(NEW_TOKENS) :], width) for rows in both}
    return found.pop() if len(found) == 1 else "mixed"


def _init_of(old: torch.Tensor, new: torch.Tensor, width: float) -> str:
    import torch

    mean = old.mean(dim=0, keepdim=True).expand_as(new)
    if torch.allclose(new, mean, rtol=_EQUAL):
        return "mean"
    # The smallest model has 128 numbers here: the standard error of their width is a sixteenth of it.
    spread = new.square().mean().sqrt().item()
    # Rows that are close to each other, such as all near the mean, were not drawn independently: two rows of 64 numbers
    # that were are closer than half a width in one of 10^18 draws, as their squared distance is chi-squared.
    return "random" if 0.7 < spread / width < 1.4 and _least_distance(new) > width / 2 else "other"


def _least_distance(rows: torch.Tensor) -> float:
    """Return the least root mean square difference of two rows; about 1.4 widths if they were drawn independently."""
    import torch

    return float(torch.pdist(rows).min()) / math.sqrt(len(rows[0]))


def observed_weights(model: LlamaForCausalLM) -> str:
    """Return "pretrained" if any weight of a norm differs from one, its initial value, else "random"."""
    import torch

    norms = (weights for name, weights in model.named_parameters() if "norm" in name)
    fresh = all(torch.equal(weights, torch.ones_like(weights)) for weights in norms)
    return "random" if fresh else "pretrained"


def accumulator_of(weight: torch.nn.Parameter, optimizer: Any) -> torch.Tensor | None:
    """Return a tensor into which gradients of micro-batches are added up, before the optimizer steps.

    DeepSpeed's optimizers keep one for each weight, or for parts of them; else it is ``weight.grad``.
    """
    kept: torch.Tensor | None = getattr(weight, "_hp_grad", None)
    if kept is not None:
        return kept
    parts = [part for group in getattr(optimizer, "averaged_gradients", {}).values() for part in group or ()]
    return parts[0] if parts else weight.grad


def narrowest_dtype(gradient: torch.Tensor) -> str | None:
    """Return the narrowest of "bf16", "fp16" and "fp32" that holds all values of a gradient; ``None`` if all are zero.

    Sums in fp32 of numbers of 16 bits have more digits than these hold, but for a few; sums in 16 bits never have.
    """
    import torch

    values = gradient.detach().double()
    values = values[values.isfinite()]
    if not values.any():
        return None
    held = (name for name in ("bf16", "fp16") if torch.equal(values.to(getattr(torch, DTYPES[name])).double(), values))
    return next(held, "fp32")


def observed_parallelism(wrapped: Any, ranks: int) -> str:
    """Return the parallelism from the class that wraps the model; a single rank without a known wrapper is "ddp"."""
    name = type(wrapped).__name__
    return {"DeepSpeedEngine": "deepspeed", "DistributedDataParallel": "ddp"}.get(name, name if ranks > 1 else "ddp")


def observed_stage(model: Any, optimizer: Any, ranks: int) -> int:
    """Return the ZeRO stage in force, from the sizes that this rank holds (Rajbhandari et al., SC20, section 5).

    A rank at stage 3 holds a part of the weights. At stages 1 and 2 it holds all weights, and the optimizer state of a
    part of them; the optimizer says whether gradients are partitioned too, which is stage 2. At stage 0 it holds all.
    """
    weights = list(model.parameters())
    whole = sum(getattr(weight, "ds_numel", weight.numel()) for weight in weights)
    held = sum(weight.ds_tensor.numel() if hasattr(weight, "ds_tensor") else weight.numel() for weight in weights)
    if _is_part(held, whole, ranks):
        return 3
    state = _numbers_of_state(optimizer)
    if not _is_part(state, whole, ranks):
        return 0
    return 2 if getattr(optimizer, "partition_gradients", False) else 1


def parts_of_weights(model: Any) -> list[torch.Tensor]:
    """Return the weights that this rank holds: at ZeRO stage 3 a part of each."""
    return [getattr(weight, "ds_tensor", weight) for weight in model.parameters()]


def _is_part(held: int, whole: int, ranks: int) -> bool:
    # Parts are padded to equal sizes, so a part may be a little larger than its share.
    return ranks > 1 and held <= whole * 0.75


def _numbers_of_state(optimizer: Any) -> int:
    """Return how many weights this rank holds the optimizer state of."""
    parts: Iterable[torch.Tensor] | None = getattr(optimizer, "single_partition_of_fp32_groups", None)
    if parts is None:
        parts = (weight for group in optimizer.param_groups for weight in group["params"])
    return sum(part.numel() for part in parts)

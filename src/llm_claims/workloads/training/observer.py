"""The observer of training: sees through hooks what a run really does, so that nothing is copied from the request."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.training.base_model import embeddings_of
from llm_claims.workloads.training.corpus import NEW_TOKENS

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM


_EQUAL = 2.0**-8
"""Relative: means in bf16 have eight bits."""


class ModelObserver:
    """Watches the forwards of one model: shapes, dtypes of matrix products, how often layers ran.

    The hooks add to sets and counters: microseconds, in a forward of milliseconds. Samples stay where they are
    until they are asked for, since to look at one would have the processor wait for the device.
    """

    def __init__(self, model: LlamaForCausalLM) -> None:
        from torch.nn import Linear

        self.reset()
        model.register_forward_pre_hook(self._on_forward, with_kwargs=True)
        # A part of the layer: checkpointing runs the layer's own hooks once.
        model.model.layers[0].self_attn.register_forward_pre_hook(self._on_layer)
        for module in model.modules():
            if isinstance(module, Linear):
                # Under autocast inputs and weights stay in fp32, and the product's own dtype is that of its result.
                module.register_forward_hook(self._on_product)

    def reset(self) -> None:
        """Forget what was seen: the run begins."""
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
        """The samples seen. Ranks are given equal numbers, some twice if they do not divide: how many differ counts."""
        return {row.tobytes() for ids in self._ids for row in ids.cpu().numpy()}

    @property
    def forward_dtypes(self) -> tuple[str, ...]:
        """The dtypes of all matrix products with weights, sorted."""
        return tuple(sorted(str(dtype).removeprefix("torch.") for dtype in self._dtypes))

    @property
    def device(self) -> str:
        """Where the inputs were."""
        return "+".join(sorted(self._devices))

    @property
    def micro_batch(self) -> int:
        """Samples of the largest forward: a last one may have fewer."""
        return max(samples for samples, _ in self._shapes)

    @property
    def context_tokens(self) -> int | None:
        """Tokens of each sample, ``None`` if they differ."""
        lengths = {tokens for _, tokens in self._shapes}
        return lengths.pop() if len(lengths) == 1 else None

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether layers ran more often than the model: checkpointing runs them again on the way back."""
        return self.layer_runs > self.forwards


def observed_init(model: LlamaForCausalLM) -> str:
    """Tell from the new rows of both embeddings how they began: "mean", "random", "other", or "mixed" if they disagree.

    "random" is drawn as the model's own rows were, from a normal distribution of its ``initializer_range``.
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
    # Of 128 numbers, the least there are, the width is known to a sixteenth (one standard deviation).
    spread = new.square().mean().sqrt().item()
    # Rows that are all near one point, such as the mean, were not drawn each for itself.
    return "random" if 0.7 < spread / width < 1.4 and _least_distance(new) > width else "other"


def _least_distance(rows: torch.Tensor) -> float:
    """Root mean square of the difference of the two rows that are most alike; 1.4 widths if both were drawn."""
    import torch

    return float(torch.pdist(rows).min()) / math.sqrt(len(rows[0]))


def observed_weights(model: LlamaForCausalLM) -> str:
    """Tell from the norms whether the weights have learned anything: they begin at one, and any step moves them."""
    import torch

    norms = (weights for name, weights in model.named_parameters() if "norm" in name)
    fresh = all(torch.equal(weights, torch.ones_like(weights)) for weights in norms)
    return "random" if fresh else "pretrained"


def observed_parallelism(wrapped: Any, ranks: int) -> str:
    """Tell from what wraps the model how ranks work together; one rank alone has nobody to do so with."""
    name = type(wrapped).__name__
    return {"DeepSpeedEngine": "deepspeed", "DistributedDataParallel": "ddp"}.get(name, name if ranks > 1 else "ddp")


def observed_stage(model: Any, optimizer: Any, ranks: int) -> int:
    """Tell the ZeRO stage in force from the sizes that this rank holds (Rajbhandari et al., SC20, section 5).

    Stage 3 holds a part of the weights; stage 1 all weights, and the optimizer's state for a part of
    them; stage 2 (which parts the gradients as well) and stage 0 are told apart likewise.
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


def _is_part(held: int, whole: int, ranks: int) -> bool:
    # Each part is padded to equal sizes, so it may be a little larger than its share; it is never the whole.
    return ranks > 1 and held <= whole * 0.75


def _numbers_of_state(optimizer: Any) -> int:
    """Numbers of which this rank holds the optimizer's state."""
    parts: Iterable[torch.Tensor] | None = getattr(optimizer, "single_partition_of_fp32_groups", None)
    if parts is None:
        parts = (weight for group in optimizer.param_groups for weight in group["params"])
    return sum(part.numel() for part in parts)

"""Observe with hooks what a model really computes, so that no field of the witness is copied from the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.generation.engines import Served
from llm_claims.workloads.generation.workload import GenerationWitness

if TYPE_CHECKING:
    import torch
    from transformers import Pipeline


class Observer:
    """Observes one model, and the pipeline around it, for as long as they exist.

    The hooks only add to sets and lists: microseconds, in a forward of milliseconds. Compiled code runs no hooks:
    with a static cache they see the forward of the prompt, and not the decoding. What they see of decoding ran eagerly.
    """

    def __init__(self, served: Served, pipe: Pipeline) -> None:
        from llm_claims.workloads.generation.quantization import multiplies

        model: Any = served.model
        self._model, self._served = model, served
        self.reset()
        model.register_forward_pre_hook(self._on_forward, with_kwargs=True)
        for module in model.modules():
            if multiplies(module):
                module.register_forward_pre_hook(self._on_product)
        _watch(model, "generate", lambda: self._entered.add("generate"))
        _watch(pipe, "forward", lambda: self._entered.add("pipeline"))

    def reset(self) -> None:
        """Clear all observations, before a new run."""
        self._entered: set[str] = set()
        self._devices: set[str] = set()
        self._dtypes: set[torch.dtype] = set()
        self._batch_sizes: set[int] = set()
        self._input_tokens: list[int] = []
        self._input_widths: list[int] = []
        self._caches: set[str] = set()
        self._eager_steps = 0

    def witness(self, sequences: Sequence[Sequence[int]]) -> GenerationWitness:
        """Return what was observed since `reset`; ``sequences`` are the returned token ids, each with its prompt first.

        Raises
        ------
        RuntimeError
            The number of sequences differs from the number of prompts that entered the model.
        """
        if len(sequences) != len(self._input_widths):
            raise RuntimeError(
                f"{len(self._input_widths)} prompts entered the model, but {len(sequences)} sequences were returned"
            )
        import torch

        from llm_claims.workloads.generation.quantization import quantization_of, weight_bytes

        end = self._model.generation_config.eos_token_id
        new_tokens = tuple(
            count_new(ids[width:], end) for ids, width in zip(sequences, self._input_widths, strict=True)
        )
        return GenerationWitness(
            device="+".join(sorted(self._devices)),
            threads=torch.get_num_threads(),
            engine=self._served.engine,
            api=self._api(),
            model=self._model.name_or_path,
            parameters=sum(weights.numel() for weights in self._model.parameters()),
            forward_dtypes=tuple(sorted(str(dtype).removeprefix("torch.") for dtype in self._dtypes)),
            input_tokens=tuple(self._input_tokens),
            new_tokens=new_tokens,
            forward_batch_sizes=tuple(sorted(self._batch_sizes)),
            tensor_parallel_degree=self._served.degree,
            cache="+".join(sorted(self._caches)) or None,
            compiled=self._eager_steps == 0 if max(new_tokens, default=0) > 1 else None,
            quantization=quantization_of(self._model),
            weight_bytes=weight_bytes(self._model),
        )

    def _api(self) -> str | None:
        """Name the API that was called: "pipeline" (which calls generate), else "generate"; ``None`` for neither."""
        return next((path for path in ("pipeline", "generate") if path in self._entered), None)

    def _on_forward(self, _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        import torch

        if torch.compiler.is_compiling():
            return
        ids = args[0] if args else kwargs["input_ids"]
        self._batch_sizes.add(ids.shape[0])
        cache = kwargs.get("past_key_values")
        if cache is not None:
            self._caches.add(type(cache).__name__.removesuffix("Cache").lower())
        if cache is None or cache.get_seq_length() == 0:
            self._on_prefill(ids, kwargs.get("attention_mask"))
        else:
            self._eager_steps += 1

    def _on_prefill(self, ids: torch.Tensor, mask: torch.Tensor | None) -> None:
        """Record for each prompt of a batch, shape (batch, width), its width and how many tokens are not padding."""
        batch, width = ids.shape
        self._devices.add(ids.device.type)
        self._input_widths += [width] * batch
        # generate drops an all-ones mask, so without a mask no token is padding.
        self._input_tokens += [width] * batch if mask is None else mask.sum(dim=-1).tolist()

    def _on_product(self, module: torch.nn.Linear, args: tuple[Any, ...]) -> None:
        import torch

        if args and not torch.compiler.is_compiling():
            self._dtypes.add(args[0].dtype)
            # Stored integers are converted to the activation's dtype before they are multiplied.
            if module.weight.dtype.is_floating_point:
                self._dtypes.add(module.weight.dtype)


def count_new(ids: Sequence[int], end: int | Sequence[int] | None) -> int:
    """Count the generated tokens in ``ids``, shape (n,), up to and including the first end token.

    What follows an end token is padding. Padding tokens cannot be recognized by their id, because a model with
    random weights may generate that id itself.
    """
    ends = set() if end is None else {end} if isinstance(end, int) else set(end)
    return next((place for place, token in enumerate(ids, start=1) if token in ends), len(ids))


def _watch(owner: object, name: str, note: Callable[[], None]) -> None:
    """Wrap the method ``name`` of this one object so that ``note`` is called before each call of it."""
    original = getattr(owner, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        note()
        return original(*args, **kwargs)

    setattr(owner, name, watched)

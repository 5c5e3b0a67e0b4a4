"""Put a model into an engine, and observe which engine and how many devices really serve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.clock import clock
from llm_claims.workloads.generation.agreement import disagreement, logits_of
from llm_claims.workloads.llm.engine import ServingEngine
from llm_claims.workloads.outcome import signature

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

ON_PROCESSOR: tuple[ServingEngine, ...] = ("transformers",)
ON_GPU: tuple[ServingEngine, ...] = ("transformers", "accelerate", "deepspeed", "deepspeed-kernel-injection")


class EngineFailure(RuntimeError):
    """An engine cannot load the model, or fails at a request; the text is the signature of the engine's error."""


@dataclass(frozen=True)
class Served:
    """A model in an engine.

    ``model`` is what to call; ``engine`` and ``degree``, the number of devices, were observed and not copied from the
    request; ``placed`` says that the engine put the weights on devices itself.
    """

    model: Any
    engine: str
    degree: int
    placed: bool = False


def served(model: LlamaForCausalLM, engine: ServingEngine, degree: int) -> Served:
    """Put a model into an engine, over ``degree`` devices.

    Raises
    ------
    EngineFailure
        The engine cannot load it, or computes other logits.
    """
    if engine == "accelerate":
        return _dispatched(model, degree)
    if engine in ("deepspeed", "deepspeed-kernel-injection"):
        # Outside the try: if the model fails alone, the engine is not to blame.
        alone = logits_of(model)
        try:
            return _in_deepspeed(model, alone, degree, inject=engine != "deepspeed")
        except EngineFailure:
            raise
        except Exception as error:
            if type(error).__name__ == "OutOfMemoryError":
                raise
            raise EngineFailure(signature(error)) from error
    return Served(model, type(model).__module__.partition(".")[0], 1)


def _dispatched(model: LlamaForCausalLM, degree: int) -> Served:
    """Distribute whole layers over devices with HF Accelerate, as ``device_map`` does: one device works at a time."""
    import torch
    from accelerate import dispatch_model, infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    options: dict[str, Any] = {"no_split_module_classes": ["LlamaDecoderLayer"], "dtype": model.dtype}
    if model.device.type == "cpu":
        placing: dict[str, Any] = {"": "cpu"}
    else:
        room = {device: torch.cuda.mem_get_info(device)[1] for device in range(degree)}
        if degree > 1:
            room = get_balanced_memory(model, max_memory=room, **options)
        placing = infer_auto_device_map(model, max_memory=room, **options)
    dispatched = dispatch_model(model, placing)
    seen = "accelerate" if getattr(dispatched, "hf_device_map", None) is not None else "transformers"
    devices = {weights.device for weights in dispatched.parameters()}
    return Served(dispatched, seen, len(devices), placed=True)


def _in_deepspeed(model: LlamaForCausalLM, alone: torch.Tensor, degree: int, *, inject: bool) -> Served:
    import deepspeed

    hidden, layers, dtype = model.config.hidden_size, model.config.num_hidden_layers, model.dtype
    # By default injected layers return tuples; transformers 5 expects tensors.
    layers_return = {"return_tuple": False} if inject else {}
    if inject:
        clock.begin("compiling")  # its kernels are compiled when they are first needed, here
    engine = deepspeed.init_inference(
        model, dtype=dtype, tensor_parallel={"tp_size": degree}, replace_with_kernel_inject=inject, **layers_return
    )
    within = engine.module
    if reason := disagreement(alone, logits_of(within), layers, dtype):
        raise EngineFailure(reason)
    kernels = any("model_implementations" in type(module).__module__ for module in within.modules())
    projection = getattr(within.model.layers[0], "self_attn", None)
    # Each rank holds a share of the rows of every projection; the share tells the degree.
    rows = hidden if projection is None else projection.q_proj.weight.shape[0]
    within.generation_config = model.generation_config
    return Served(within, "deepspeed-kernel-injection" if kernels else "deepspeed", hidden // rows)

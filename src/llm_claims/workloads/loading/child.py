"""Load a model in a forked child, which reports what it observes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.loading.checkpoint import Checkpoint, checksum
from llm_claims.workloads.loading.memory_cap import MemoryCap
from llm_claims.workloads.loading.resident import unshare_pages
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.processes.fork import ForkChannel, Work

if TYPE_CHECKING:
    import torch

THREADS = 1  # PyTorch's; more would only speed up reading the weights
ENGINES = ("transformers", "accelerate", "deepspeed")
ARGUMENTS = ("low_cpu_mem_usage", "device_map")
# Imported by name, because they have no type annotations.
LIBRARIES = ("torch", "transformers", "transformers.models.llama.modeling_llama", "accelerate", "deepspeed")


def work(workload: Loading, checkpoint: Checkpoint, cap: MemoryCap | None) -> Work:
    """Return the function of the forked child: enter ``cap``, load the model on request, report, and keep the model.

    It sends three values: "ready", when it has entered the cap and all memory that it shares with its parent is
    charged to the cap; the arguments that ``from_pretrained`` received; and the fields of the witness that are read
    from the loaded model.
    """

    def child(channel: ForkChannel) -> None:
        import torch

        if cap is not None:
            cap.enter()
            unshare_pages()
        channel.send("ready")
        channel.receive()
        torch.set_num_threads(THREADS)
        _report_arguments(channel)
        model = load(workload, checkpoint)
        channel.send(seen(model, checkpoint))
        channel.receive()

    return child


def load(workload: Loading, checkpoint: Checkpoint) -> torch.nn.Module:
    """Load the checkpoint as the workload says; return the model in its engine."""
    import torch
    from transformers import AutoModelForCausalLM

    stated = {name: getattr(workload, name) for name in ARGUMENTS}
    passed = {name: value for name, value in stated.items() if value is not None}
    dtype = getattr(torch, checkpoint.dtype)
    model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(checkpoint.folder, dtype=dtype, **passed)
    if workload.engine == "accelerate":
        return _dispatched(model)
    if workload.engine == "deepspeed":
        deepspeed: Any = importlib.import_module("deepspeed")
        served: torch.nn.Module = deepspeed.init_inference(model, dtype=dtype, replace_with_kernel_inject=False)
        return served
    return model


def _dispatched(model: torch.nn.Module) -> torch.nn.Module:
    """Add accelerate's hooks to the model.

    With ``device_map``, transformers lets accelerate dispatch a model over several devices, but adds no hooks on a
    single one: accelerate would then have no part in serving.
    """
    accelerate: Any = importlib.import_module("accelerate")
    (device,) = {weights.device for weights in model.parameters()}
    dispatched: torch.nn.Module = accelerate.dispatch_model(model, {"": str(device)}, force_hooks=True)
    return dispatched


def seen(model: torch.nn.Module, checkpoint: Checkpoint) -> dict[str, Any]:
    """Read every weight of a loaded model, and return the fields of the witness that can be read from it.

    Reading brings weights that are only mapped into memory, as serving would, which reads all of them for each token.

    Raises
    ------
    RuntimeError
        The weights have the checkpoint's dtype, but other values. Another dtype is left to the witness to show.
    """
    import torch

    weights = list(model.parameters())
    total = sum(map(checksum, weights)) % 2**64
    dtypes = {str(one.dtype).removeprefix("torch.") for one in weights}
    if dtypes == {checkpoint.dtype} and total != checkpoint.checksum:
        raise RuntimeError("the weights in memory are not those of the checkpoint")
    return {
        "device": "+".join(sorted({one.device.type for one in weights})),
        "threads": torch.get_num_threads(),
        "engine": engine_of(model),
        "model": _name_of(model),
        "parameters": sum(one.numel() for one in weights),
        "weight_dtypes": sorted(dtypes),
    }


def engine_of(model: torch.nn.Module) -> str:
    """Return the engine of a model: the library of its outermost module, or accelerate if it has its hooks."""
    modules = list(model.modules())
    libraries = [type(module).__module__.partition(".")[0] for module in modules]
    if libraries[0] == "deepspeed":
        return "deepspeed-kernel-injection" if "deepspeed" in libraries[1:] else "deepspeed"
    return "accelerate" if any(hasattr(module, "_hf_hook") for module in modules) else libraries[0]


def _name_of(model: torch.nn.Module) -> str:
    """Return the name of the folder that the model was loaded from."""
    named = next(module for module in model.modules() if hasattr(module, "name_or_path"))
    return str(named.name_or_path).rstrip("/").rpartition("/")[2]


def _report_arguments(channel: ForkChannel) -> None:
    """Wrap ``from_pretrained`` of every model so that it sends its arguments through the channel when it is called."""
    from transformers import PreTrainedModel

    original: Callable[..., Any] = PreTrainedModel.from_pretrained.__func__  # type: ignore[attr-defined]

    def watched(cls: type[PreTrainedModel], *args: Any, **kwargs: Any) -> Any:
        channel.send({name: kwargs.get(name) for name in ARGUMENTS})
        return original(cls, *args, **kwargs)

    PreTrainedModel.from_pretrained = classmethod(watched)  # type: ignore[assignment, method-assign]

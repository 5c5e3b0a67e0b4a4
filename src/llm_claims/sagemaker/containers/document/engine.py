"""Loads a model and generates with the libraries of 2023: HF Accelerate or DeepSpeed. Python 3.8 syntax."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from llm_claims.sagemaker.containers.document.checkpoint import DTYPES, SHAPES, write_checkpoint
from llm_claims.sagemaker.containers.document.prompts import build_tokenizer, prompts

_APIS = ("pipeline", "generate")


class Refused(ValueError):
    """A request that this program cannot run; the text says why."""


class NotMeasured(RuntimeError):
    """What was asked for did not run; the text says what ran in its place. The case is untestable then."""


class Engine:
    """One model: loads it as a deployment says, and generates with it.

    Parameters
    ----------
    deployment
        The fields that the program is started with: model, precision, engine, tensor_parallel_degree, device_map and
        low_cpu_mem_usage.
    folder
        Where the checkpoint is written.

    Raises
    ------
    Refused
        The model or the engine is unknown.
    """

    def __init__(self, deployment: Mapping[str, Any], folder: str) -> None:
        self.deployment = deployment
        self.name: str = deployment["engine"]
        self.degree: int = deployment.get("tensor_parallel_degree") or 1
        self.rank = int(os.environ.get("RANK", "0"))
        if deployment["model"] not in SHAPES:
            raise Refused(f"no model {deployment['model']!r} in this program: use one of {', '.join(SHAPES)}")
        if self.name not in ("accelerate", "deepspeed"):
            raise Refused(f"no engine {self.name!r} in this program: use accelerate or deepspeed")
        self._folder = os.path.join(folder, f"{deployment['model']}-{deployment['precision']}")
        self.model: Any = None
        self._pipe: Any = None
        self._batches: list[int] = []
        self._prompts_seen: list[int] = []

    def prepare(self) -> None:
        """Write the checkpoint, before the host memory of loading is measured."""
        write_checkpoint(self.deployment["model"], self.deployment["precision"], self._folder)

    def load(self) -> None:
        """Load the model with transformers, hand it to the engine, and put it on the GPUs.

        Raises
        ------
        NotMeasured
            DeepSpeed left the model as it was.
        """
        import torch
        import transformers

        options: dict[str, Any] = {"torch_dtype": getattr(torch, DTYPES[self.deployment["precision"]])}
        for name in ("low_cpu_mem_usage", "device_map"):
            if self.deployment.get(name) is not None:
                options[name] = self.deployment[name]
        library: Any = transformers  # untyped: the image has another version
        model = library.AutoModelForCausalLM.from_pretrained(self._folder, **options)
        model.eval()
        device: int | None = self.rank if torch.cuda.is_available() else -1
        if self.name == "deepspeed":
            model = _injected(model, self.degree, options["torch_dtype"])
        if self.deployment.get("device_map"):
            device = None  # Accelerate has placed it
        tokenizer = build_tokenizer(SHAPES[self.deployment["model"]][-1])
        self._pipe = library.pipeline(
            "text-generation", model=model, tokenizer=tokenizer, **({} if device is None else {"device": device})
        )
        self.model = getattr(model, "module", model)
        self.model.register_forward_pre_hook(self._observe_forward, with_kwargs=True)

    def _observe_forward(self, _: Any, given: Any, named: Mapping[str, Any]) -> None:
        """Note the batch size of a forward pass, and the length of its prompts if it is the first of a request."""
        tokens = named.get("input_ids", given[0] if given else None)
        if tokens is None:
            return
        rows, length = (int(size) for size in tokens.shape)
        self._batches.append(rows)
        if length > 1:  # later passes get one token
            self._prompts_seen.extend([length] * rows)

    def generate(self, workload: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Run one request; return metrics and witness, as in an `Answer`.

        Raises
        ------
        Refused
            The api is unknown, or cannot run such a list of prompts.
        """
        import torch

        if workload.get("api") not in _APIS:
            raise Refused(f"no api {workload.get('api')!r} in this program: use one of {', '.join(_APIS)}")
        torch.manual_seed(seed)
        self._batches.clear()
        self._prompts_seen.clear()
        texts = prompts(workload.get("prompts", 1), workload["input_tokens"], SHAPES[workload["model"]][-1])
        new = workload["new_tokens"]
        options = {
            "do_sample": True,
            "temperature": 1.0,
            "use_cache": True,
            "min_new_tokens": new,
            "max_new_tokens": new,
        }
        call = self._by_pipeline if workload["api"] == "pipeline" else self._by_generate
        sequences, seconds = call(texts, workload.get("batch_size"), options)
        return self._observed(workload, sequences, seconds)

    def _by_pipeline(
        self, texts: list[str], batch_size: int | None, options: Mapping[str, Any]
    ) -> tuple[list[list[int]], float]:
        # Without a batch size, leave the argument out: claims are about the pipeline's own default.
        batching = {} if batch_size is None else {"batch_size": batch_size}
        start = time.perf_counter()
        answers = self._pipe(texts, return_tensors=True, **batching, **options)
        seconds = time.perf_counter() - start
        return [list(one[0]["generated_token_ids"]) for one in answers], seconds

    def _by_generate(
        self, texts: list[str], batch_size: int | None, options: Mapping[str, Any]
    ) -> tuple[list[list[int]], float]:
        if len(texts) > (batch_size or 1):
            raise Refused("generate runs one batch: use the pipeline for more prompts than fit one")
        batch = self._pipe.tokenizer(texts, return_tensors="pt", return_token_type_ids=False).to(self._pipe.device)
        start = time.perf_counter()
        sequences = self.model.generate(**batch, **options)
        seconds = time.perf_counter() - start
        return [list(one) for one in sequences.tolist()], seconds

    def _observed(self, workload: Mapping[str, Any], sequences: list[Any], seconds: float) -> dict[str, Any]:
        batches = sorted(set(self._batches))
        new = [len(sequence) - workload["input_tokens"] for sequence in sequences]
        metrics = {
            "latency_seconds": seconds,
            "new_tokens_per_sequence": min(new),
            "largest_forward_batch": max(batches, default=0),
        }
        seen = {
            "input_tokens": list(self._prompts_seen),
            "new_tokens": new,
            "forward_batch_sizes": batches,
            "api": workload["api"],
        }
        return {"metrics": metrics, "witness": {**self.witness(), "forward_dtypes": self._dtypes(), **seen}}

    def witness(self) -> dict[str, Any]:
        """Return what the loaded model shows of itself, for the witness."""
        return {
            "model": self._model_seen(),
            "engine": self.name,
            "tensor_parallel_degree": self.degree,
            "device": next(self.model.parameters()).device.type,
        }

    def _dtypes(self) -> list[str]:
        """Return the types of the weight matrices: kernels multiply in the type of their weights."""
        kinds = {str(one.dtype) for one in self.model.parameters() if one.dim() > 1}
        return sorted(kind.replace("torch.", "") for kind in kinds)

    def weight_dtypes(self) -> list[str]:
        """Return the types of all weights."""
        return sorted({str(one.dtype).replace("torch.", "") for one in self.model.parameters()})

    def _model_seen(self) -> str:
        """Return the model's name by the sizes in the loaded model's configuration."""
        config = self.model.config
        sizes = (config.hidden_size, config.intermediate_size, config.num_hidden_layers)
        return next((name for name, shape in SHAPES.items() if shape[:3] == sizes), f"sizes {sizes}")


def _injected(model: Any, degree: int, dtype: Any) -> Any:
    """Return the model in DeepSpeed's inference engine with kernel injection, as LMI's DeepSpeed handler did.

    Raises
    ------
    NotMeasured
        No module of the model is one of DeepSpeed's. Its release 0.8.0 knows no Llama, and says nothing of it.
    """
    import deepspeed

    injected = deepspeed.init_inference(
        model, tensor_parallel={"tp_size": degree}, dtype=dtype, replace_with_kernel_inject=True
    )
    seen = kernels_in(getattr(injected, "module", injected))
    if not seen:
        raise NotMeasured(
            f"DeepSpeed {getattr(deepspeed, '__version__', '?')} replaced no module of {type(model).__name__}: "
            "transformers alone would be measured. What the document measured under this name is not known"
        )
    print(f"kernels of DeepSpeed in the model: {', '.join(seen)}", file=sys.stderr, flush=True)
    return injected


def kernels_in(model: Any) -> list[str]:
    """Return the names of the classes of DeepSpeed that a model consists of."""
    kinds = {type(module) for module in model.modules()}
    return sorted(kind.__name__ for kind in kinds if kind.__module__.partition(".")[0] == "deepspeed")

"""Loading and generating with the libraries of 2023: HF Accelerate or DeepSpeed. Python 3.8 syntax."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from llm_claims.cloud.containers.document.checkpoint import DTYPES, SHAPES, write_checkpoint
from llm_claims.cloud.containers.document.prompts import build_tokenizer, prompts


class Refused(ValueError):
    """A request that this program does not run; the text says why."""


class Engine:
    """One model, loaded as a deployment says, and asked."""

    def __init__(self, deployment: Mapping[str, Any], folder: str) -> None:
        self.deployment = deployment
        self.name: str = deployment["engine"]
        self.degree: int = deployment.get("tensor_parallel_degree") or 1
        self.rank = int(os.environ.get("RANK", "0"))
        if deployment["model"] not in SHAPES:
            raise Refused(f"no model {deployment['model']!r}; there is {', '.join(SHAPES)}")
        if self.name not in ("accelerate", "deepspeed"):
            raise Refused(f"no engine {self.name!r} in this program; there is accelerate and deepspeed")
        self._folder = os.path.join(folder, f"{deployment['model']}-{deployment['precision']}")
        self.model: Any = None
        self._pipe: Any = None
        self._batches: list[int] = []

    def prepare(self) -> None:
        """Write the checkpoint: what loading needs of memory does not count it."""
        write_checkpoint(self.deployment["model"], self.deployment["precision"], self._folder)

    def load(self) -> None:
        """Load the model as the engine's users did, and put it on the GPUs."""
        import torch
        from transformers import AutoModelForCausalLM, pipeline

        options: dict[str, Any] = {"torch_dtype": getattr(torch, DTYPES[self.deployment["precision"]])}
        for name in ("low_cpu_mem_usage", "device_map"):
            if self.deployment.get(name) is not None:
                options[name] = self.deployment[name]
        model = AutoModelForCausalLM.from_pretrained(self._folder, **options)
        model.eval()
        device: int | None = self.rank if torch.cuda.is_available() else -1
        if self.name == "deepspeed":
            model = _injected(model, self.degree, options["torch_dtype"], self.rank)
        if self.deployment.get("device_map"):
            device = None  # it is where Accelerate has put it
        tokenizer = build_tokenizer(SHAPES[self.deployment["model"]][-1])
        self._pipe = pipeline(
            "text-generation", model=model, tokenizer=tokenizer, **({} if device is None else {"device": device})
        )
        self.model = getattr(model, "module", model)
        self.model.register_forward_pre_hook(self._seen, with_kwargs=True)

    def _seen(self, _: Any, given: Any, named: Mapping[str, Any]) -> None:
        tokens = named.get("input_ids", given[0] if given else None)
        if tokens is not None:
            self._batches.append(int(tokens.shape[0]))

    def generate(self, workload: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Run one request; return the metrics and the witness of an `Answer`."""
        import torch

        if workload.get("api") != "pipeline":
            raise Refused(f"this program asks a pipeline, not {workload.get('api')!r}")
        torch.manual_seed(seed)
        self._batches.clear()
        texts = prompts(workload.get("prompts", 1), workload["input_tokens"], SHAPES[workload["model"]][-1])
        new = workload["new_tokens"]
        options = {
            "do_sample": True,
            "temperature": 1.0,
            "use_cache": True,
            "min_new_tokens": new,
            "max_new_tokens": new,
        }
        if workload.get("batch_size"):
            options["batch_size"] = workload["batch_size"]
        start = time.perf_counter()
        answers = self._pipe(texts, return_tensors=True, **options)
        seconds = time.perf_counter() - start
        return self._observed(workload, [one[0]["generated_token_ids"] for one in answers], seconds)

    def _observed(self, workload: Mapping[str, Any], sequences: list[Any], seconds: float) -> dict[str, Any]:
        batches = sorted(set(self._batches))
        new = [len(sequence) - workload["input_tokens"] for sequence in sequences]
        metrics = {
            "latency_seconds": seconds,
            "new_tokens_per_sequence": min(new),
            "largest_forward_batch": max(batches, default=0),
        }
        counted = [len(text.split()) for text in prompts(len(new), workload["input_tokens"], 2048)]
        seen = {"input_tokens": counted, "new_tokens": new, "forward_batch_sizes": batches, "api": "pipeline"}
        return {"metrics": metrics, "witness": {**self.witness(), "forward_dtypes": self._dtypes(), **seen}}

    def witness(self) -> dict[str, Any]:
        """What the loaded model shows of itself."""
        return {
            "model": self._model_seen(),
            "engine": self.name,
            "tensor_parallel_degree": self.degree,
            "device": next(self.model.parameters()).device.type,
        }

    def _dtypes(self) -> list[str]:
        """Types of the weights that are multiplied: fp16 and bf16 kernels take no others."""
        kinds = {str(one.dtype) for one in self.model.parameters() if one.dim() > 1}
        return sorted(kind.replace("torch.", "") for kind in kinds)

    def weight_dtypes(self) -> list[str]:
        """Types of all weights."""
        return sorted({str(one.dtype).replace("torch.", "") for one in self.model.parameters()})

    def _model_seen(self) -> str:
        """Name the model by the sizes that its configuration has once it is loaded."""
        config = self.model.config
        sizes = (config.hidden_size, config.intermediate_size, config.num_hidden_layers)
        return next((name for name, shape in SHAPES.items() if shape[:3] == sizes), f"sizes {sizes}")


def _injected(model: Any, degree: int, dtype: Any, rank: int) -> Any:
    """Hand the model to DeepSpeed's inference engine, as LMI's DeepSpeed handler did."""
    import deepspeed

    return deepspeed.init_inference(
        model, tensor_parallel={"tp_size": degree}, dtype=dtype, replace_with_kernel_inject=True
    )

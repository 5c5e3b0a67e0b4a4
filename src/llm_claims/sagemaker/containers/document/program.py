"""The program for the images of 2023: loads one model and answers requests about it.

It uses the protocol of the package's own programs (`llm_claims.workloads.protocol`), one JSON object a line: one
``Ready``, then an ``Answer`` to each ``Request``. ``LLM_CLAIMS_DEPLOYMENT`` says which model it loads, and how.
DeepSpeed needs a process for each GPU of a tensor parallel degree: the first starts the others and sends them each
request. Python 3.8 syntax; it imports only packages of the image.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any, TextIO

from llm_claims.sagemaker.containers.document.engine import Engine, Refused
from llm_claims.sagemaker.containers.document.load_observer import LoadObserver
from llm_claims.sagemaker.containers.pipe import model_server_resident
from llm_claims.workloads.processes.lifeline import die_with_caller
from llm_claims.workloads.processes.process import GRACE_SECONDS, Command

DEPLOYMENT = "LLM_CLAIMS_DEPLOYMENT"
FOLDER = "LLM_CLAIMS_FOLDER"
PORT = "29511"
_PACKAGES = ("torch", "transformers", "accelerate", "deepspeed", "tokenizers", "numpy")


def main() -> int:
    """Answer requests until standard input ends; return the exit status."""
    die_with_caller()
    # Answers go to the original standard output; what libraries print goes to standard error, the log.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    start = time.perf_counter()
    deployment = json.loads(os.environ[DEPLOYMENT])
    os.environ["CUDA_VISIBLE_DEVICES"] = gpus_for(deployment.get("tensor_parallel_degree") or 1, os.environ)
    engine = Engine(deployment, os.environ.get(FOLDER, tempfile.gettempdir()))
    others = _start_others(engine)
    if engine.rank == 0:
        engine.prepare()
    hardware, software = _hardware(), _software()
    for other in others:
        other.read_line()  # it is ready
    _say(answers, {"hardware": hardware, "software": software, "setup_seconds": time.perf_counter() - start})
    for line in map(str.strip, sys.stdin):
        for other in others:
            other.write_line(line)
        _say(answers, answer(engine, json.loads(line)))
        for other in others:
            other.read_line()  # the answer of the first rank is the answer
    for other in others:
        other.end(GRACE_SECONDS)
    return 0


def gpus_for(degree: int, environment: Mapping[str, str]) -> str:
    """Return the value of CUDA_VISIBLE_DEVICES for a model on ``degree`` GPUs: the first of those that are visible.

    Accelerate distributes a model over all GPUs that it sees.
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    return ",".join((visible.split(",") if visible is not None else list(map(str, range(degree))))[:degree])


def _start_others(engine: Engine) -> list[Command]:
    """Start the other ranks of DeepSpeed, if this is the first."""
    if engine.name != "deepspeed" or "RANK" in os.environ:
        return []
    world = {"WORLD_SIZE": str(engine.degree), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": PORT}
    command = [sys.executable, "-m", "llm_claims.sagemaker.containers.document.program"]
    others = [
        Command(command, {**os.environ, **world, "RANK": str(rank), "LOCAL_RANK": str(rank)}, captured=False)
        for rank in range(1, engine.degree)
    ]
    os.environ.update(world, RANK="0", LOCAL_RANK="0")
    return others


def answer(engine: Engine, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to one request; an exception becomes its outcome."""
    workload = request["workload"]
    try:
        if workload["kind"] == "loading":
            return _loaded(engine, workload)
        if workload["kind"] != "generation":
            raise Refused(f"this program runs generation and loading, and not {workload['kind']}")
        if engine.model is None:
            engine.load()
        return engine.generate(workload, request["seed"])
    except Exception as error:
        return {"outcome": outcome_of(error), "witness": {"model_server": model_server_resident()}}


def _loaded(engine: Engine, workload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request to load the model: the peak of this process's host memory in bytes, and a witness.

    Raises
    ------
    Refused
        This process has loaded the model before.
    """
    if engine.model is not None:
        raise Refused("this process has loaded its model already: each load needs a fresh process")
    with LoadObserver() as observer:
        engine.load()
    witness = {
        "model": engine.witness()["model"],
        "engine": engine.name,
        "weight_dtypes": engine.weight_dtypes(),
        "checkpoint": observer.checkpoint,
        "low_cpu_mem_usage": observer.low_cpu_mem_usage,
        "device_map": observer.device_map,
        "model_server": model_server_resident(),
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"metrics": {"peak_host_memory_bytes": float(peak)}, "witness": witness}


def outcome_of(error: BaseException) -> dict[str, str]:
    """Return the outcome of a run that raised ``error``: "out of memory" or "failed"."""
    first = (str(error).strip().splitlines() or [""])[0]
    signature = f"{type(error).__name__}: {first}" if first else type(error).__name__
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    # PyTorch raises a RuntimeError when the host's memory runs out.
    words = ("CUDA out of memory", "DefaultCPUAllocator", "not enough memory")
    out_of_memory = out_of_memory or (isinstance(error, RuntimeError) and any(one in first for one in words))
    return {"kind": "out_of_memory" if out_of_memory else "failed", "signature": signature}


def _hardware() -> str:
    import torch

    if not torch.cuda.is_available():
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"


def _software() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        module = sys.modules.get(name)
        if module is None:
            try:
                module = __import__(name)
            except ImportError:
                continue
        found[name] = str(getattr(module, "__version__", "unknown"))
    return found


def _say(stream: TextIO, message: Mapping[str, Any]) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


if __name__ == "__main__":
    raise SystemExit(main())

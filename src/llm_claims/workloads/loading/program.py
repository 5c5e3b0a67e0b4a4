"""The program behind `Loading`: loads a stand-in model on the processor, under a cap on host memory if asked.

Run as ``python -m llm_claims.workloads.loading.program``; see `llm_claims.workloads.protocol`. Linux only.

Each load has a process of its own, forked from this one, which has only imported the libraries. The metric is the
peak of that process's *anonymous* resident memory, interpreter and libraries included; pages of mapped files do not
count, because the kernel can drop them at any time.

The cap of ``host_memory_to_weights`` = r is a memory cgroup, see `llm_claims.workloads.loading.memory_cap`. Its limit
is what is charged to it before the load, plus r times the bytes of the weights. What is charged before is some
300 MB, as the kernel counts it: the interpreter with its libraries (the forked process first copies all memory that
it shares with its parent) and, with a model server, a second, bare interpreter. Everything later counts against the
r times: the server's heap and all that loading allocates, with the pages of the checkpoint's files, which are dropped
from the page cache before each load. Library files that the parent has mapped are charged to the parent.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_claims.workloads.base import Workload
from llm_claims.workloads.clock import clock
from llm_claims.workloads.loading.checkpoint import MODELS, PRECISIONS, Checkpoint, Checkpoints, check_free_memory
from llm_claims.workloads.loading.child import ENGINES, LIBRARIES, work
from llm_claims.workloads.loading.memory_cap import MemoryCap, missing
from llm_claims.workloads.loading.model_server import HEAP_TO_WEIGHTS, ModelServer
from llm_claims.workloads.loading.opened_files import OpenedFiles
from llm_claims.workloads.loading.resident import anonymous_bytes
from llm_claims.workloads.loading.workload import Loading, LoadingWitness
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.processes.fork import Fork, Raised
from llm_claims.workloads.processes.janitor import Janitor
from llm_claims.workloads.processes.process import Ended
from llm_claims.workloads.program import Runner, UnsupportedWorkload, serve_prepared
from llm_claims.workloads.protocol import Answer, Figure, Request

PACKAGES = ("torch", "transformers", "accelerate", "deepspeed", "safetensors", "numpy")
DIGITS_OF_THE_CAP = 3

_LOOK_SECONDS = 0.002
_STATED = ("model", "precision", "engine", "model_server", "checkpoint")


@dataclass
class LoadLog:
    """What was observed of one load.

    ``peak`` is its peak of memory in bytes, ``notes`` are fields of the witness that the process sent, ``fault`` is
    the reason if it did not complete.
    """

    peak: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None


class Loader:
    """Answers requests for `Loading`, with each checkpoint built once and kept in ``folder``."""

    def __init__(self, janitor: Janitor, folder: Path) -> None:
        self._janitor = janitor
        self._checkpoints = Checkpoints(folder)

    def run(self, request: Request) -> Answer:
        """Load the model once and return the peak of its memory and its witness.

        If the load does not complete, the answer has no metrics, and a witness with the observations until then.

        Raises
        ------
        UnsupportedWorkload
            The workload states something that this program cannot run, or leaves a required field open.
        RuntimeError
            This machine has too little disk or memory left.
        """
        workload = supported(request.workload)
        assert workload.model is not None
        assert workload.precision is not None
        assert workload.checkpoint is not None
        checkpoint = self._checkpoints.get(workload.model, workload.precision, workload.checkpoint)
        check_free_memory(checkpoint.weight_bytes)
        checkpoint.drop_from_page_cache()
        with contextlib.ExitStack() as stack:
            cap = None
            if workload.host_memory_to_weights is not None:
                cap = MemoryCap.make(self._janitor)
                stack.callback(cap.close)
            server = None
            if workload.model_server:
                server = ModelServer(round(checkpoint.weight_bytes * HEAP_TO_WEIGHTS), cap)
                stack.callback(server.close)
            child = Fork(work(workload, checkpoint, cap))
            stack.callback(child.end)
            opened = stack.enter_context(OpenedFiles(checkpoint.folder))
            return _observed(workload, checkpoint, child, cap, server, opened)


def _observed(
    workload: Loading,
    checkpoint: Checkpoint,
    child: Fork,
    cap: MemoryCap | None,
    server: ModelServer | None,
    opened: OpenedFiles,
) -> Answer:
    """Have the child load its model; return an answer with what it reports and what is observed of it here."""
    log, ratio = LoadLog(), None
    try:
        child.receive()
        if cap is not None and workload.host_memory_to_weights is not None:
            ratio = _limit(cap, workload.host_memory_to_weights, checkpoint.weight_bytes)
        if server is not None:
            server.hold()
        clock.begin("measuring")
        child.send("load")
        _record_until_loaded(child, log)
    except Raised as raised:
        log.fault = str(raised)
    except Ended as ended:
        log.fault = f"the loading process ended: {ended}"
    clock.begin("rest")
    outcome = _outcome(log, cap)
    witness = LoadingWitness(
        **log.notes,
        checkpoint=_forms(opened.names),
        # Checked while the child still holds the model.
        model_server=server is not None and server.holds(),
        host_memory_to_weights=ratio,
    )
    metrics: dict[str, Figure] = {"peak_host_memory_bytes": float(log.peak)}
    return Answer(outcome=outcome, metrics=metrics if outcome.kind == "completed" else {}, witness=witness)


def _limit(cap: MemoryCap, ratio: float, weight_bytes: int) -> float:
    """Set the limit to the present usage plus ``ratio`` times the weights; return the ratio that is in force."""
    before = cap.usage_bytes
    cap.limit(before + round(ratio * weight_bytes))
    return round((cap.limit_bytes - before) / weight_bytes, DIGITS_OF_THE_CAP)


def _record_until_loaded(child: Fork, log: LoadLog) -> None:
    """Record the child's peak of memory and what it sends, until it has sent the observations of the loaded model."""
    while "parameters" not in log.notes:
        log.peak = max(log.peak, anonymous_bytes(child.pid))
        with contextlib.suppress(TimeoutError):
            log.notes.update(child.receive(_LOOK_SECONDS))


def _outcome(log: LoadLog, cap: MemoryCap | None) -> Outcome:
    """Return the outcome of a load.

    It is out of memory only if the kernel counted a kill at the limit. Other deaths have other causes, and even an
    error of the allocator may come from a damaged file that states absurd sizes.
    """
    if cap is not None and cap.ran_out:
        limit = f"{cap.limit_bytes / 1e6:.0f} MB"
        signature = f"killed by the kernel at {limit}: memory cgroup limit, oom_kill {cap.kills}"
        return Outcome(kind="out_of_memory", signature=signature)
    if log.fault is not None:
        return Outcome(kind="failed", signature=log.fault)
    return Outcome()


def _forms(names: frozenset[str]) -> str | None:
    """Return the format of the opened shards, such as "bin"; several are joined, which matches no workload."""
    suffixes = {name.rpartition(".")[2] for name in names if not name.endswith(".json")}
    return "+".join(sorted(suffixes)) or None


def supported(workload: Workload) -> Loading:
    """Return the workload if this program can run it.

    Raises
    ------
    UnsupportedWorkload
        It cannot; the text says why.
    """
    if not isinstance(workload, Loading):
        raise UnsupportedWorkload(f"this program runs loading, not {workload.kind}")
    for reason in _reasons_against(workload):
        raise UnsupportedWorkload(reason)
    return workload


def _reasons_against(workload: Loading) -> Iterator[str]:
    for name in _STATED:
        if getattr(workload, name) is None:
            yield f"{name} is open, but a run needs a value"
    if workload.model not in MODELS:
        yield f"no model {workload.model!r}; choose from {', '.join(MODELS)}"
    if workload.precision not in PRECISIONS:
        yield f"no checkpoint in {workload.precision!r}; choose from {', '.join(PRECISIONS)}"
    if workload.engine not in ENGINES:
        yield f"no engine {workload.engine!r} on this processor; choose from {', '.join(ENGINES)}"
    if workload.engine == "accelerate" and workload.device_map is None:
        yield "device_map is open, but accelerate needs it to dispatch a model"
    if workload.host_memory_to_weights is not None and (reason := missing()) is not None:
        yield f"host_memory_to_weights {reason}"


def _refuse_threads() -> None:
    """Raise if this process has threads: a fork inherits locks that they hold, but no thread to release them."""
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"this process has {threads} threads, and only one with a single thread can be forked")


def main() -> int:
    """Answer requests for `Loading` until the caller ends; return the exit status."""
    os.environ.update(
        HF_HUB_OFFLINE="1",  # nothing is downloaded: a library that tries to must fail
        CUDA_VISIBLE_DEVICES="",  # host memory is measured, so no weights may go to a GPU
        DS_ACCELERATOR="cpu",
        OPENBLAS_NUM_THREADS="1",  # NumPy would start threads
    )
    janitor = Janitor()

    def set_up() -> Runner:
        for library in LIBRARIES:
            importlib.import_module(library)
        _refuse_threads()
        return Loader(janitor, janitor.new_folder("llm-claims-load-")).run

    try:
        return serve_prepared(Loading, set_up, PACKAGES)
    finally:
        janitor.close()


if __name__ == "__main__":
    raise SystemExit(main())

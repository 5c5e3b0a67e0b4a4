"""The program behind `Loading`: loads a stand-in model on the processor, under a cap on host memory if asked.

Run as ``python -m llm_claims.workloads.loading.program``; see `llm_claims.workloads.protocol`. Linux only.

Each load has a process of its own, forked from this one, which has imported everything and done
nothing. Its metric is the peak of that process's *anonymous* resident memory, interpreter and
libraries included: pages of mapped files can be given back at any time, and are no need.

The cap of ``host_memory_to_weights`` = r is a memory cgroup, see `llm_claims.workloads.loading.memory_cap`. Its limit
is what all its members hold before anything is loaded, plus r times the bytes of the weights. What
they hold then is the interpreter with its libraries and, with a model server, another, bare
interpreter; the process that loads has made all pages its own that it shared with its parent. The
kernel's own count of what is charged then is taken, some 300 MB. The server's heap comes out of the
budget, and so does all that loading allocates, the pages of the checkpoint among it: they are
dropped from memory before each load. Library files that the parent has mapped already are charged
to the parent, as they could be given back.
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
from llm_claims.workloads.loading.checkpoint import MODELS, PRECISIONS, Checkpoint, Checkpoints, refuse_to_fill_memory
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
    """What was seen of one load: its peak in bytes, the notes it told, and how it ended if it did not complete."""

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

        Of a load that ended otherwise the witness has what was seen until then.

        Raises
        ------
        UnsupportedWorkload
            The workload asks for what this program does not do, or leaves open what it must know.
        RuntimeError
            This machine has too little disk or memory left.
        """
        workload = supported(request.workload)
        assert workload.model is not None
        assert workload.precision is not None
        assert workload.checkpoint is not None
        checkpoint = self._checkpoints.get(workload.model, workload.precision, workload.checkpoint)
        refuse_to_fill_memory(checkpoint.weight_bytes)
        checkpoint.forget()
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
    """Have the child load its model, and answer with what is seen from inside and outside."""
    log, ratio = LoadLog(), None
    try:
        child.receive()
        if cap is not None and workload.host_memory_to_weights is not None:
            ratio = _limit(cap, workload.host_memory_to_weights, checkpoint.weight_bytes)
        if server is not None:
            server.hold()
        child.send("load")
        _follow(child, log)
    except Raised as raised:
        log.fault = str(raised)
    except Ended as ended:
        log.fault = f"the loading process ended: {ended}"
    outcome = _outcome(log, cap)
    witness = LoadingWitness(
        **log.notes,
        checkpoint=_forms(opened.names),
        # Looked at while the child still holds the model.
        model_server=server is not None and server.holds(),
        host_memory_to_weights=ratio,
    )
    metrics: dict[str, Figure] = {"peak_host_memory_bytes": float(log.peak)}
    return Answer(outcome=outcome, metrics=metrics if outcome.kind == "completed" else {}, witness=witness)


def _limit(cap: MemoryCap, ratio: float, weight_bytes: int) -> float:
    """Limit what may be charged from now on to ``ratio`` times the weights; return what the kernel makes of it."""
    before = cap.usage_bytes
    cap.limit(before + round(ratio * weight_bytes))
    return round((cap.limit_bytes - before) / weight_bytes, DIGITS_OF_THE_CAP)


def _follow(child: Fork, log: LoadLog) -> None:
    """Watch the child's memory until it has told what the loaded model shows."""
    while "parameters" not in log.notes:
        log.peak = max(log.peak, anonymous_bytes(child.pid))
        with contextlib.suppress(TimeoutError):
            log.notes.update(child.receive(_LOOK_SECONDS))


def _outcome(log: LoadLog, cap: MemoryCap | None) -> Outcome:
    """Tell how a load ended.

    Only the kernel's own count of its kills says that memory ran out: a death without it is any death,
    and an error of an allocator may come from a damaged file that asks for absurd sizes.
    """
    if cap is not None and cap.ran_out:
        limit = f"{cap.limit_bytes / 1e6:.0f} MB"
        signature = f"killed by the kernel at {limit}: memory cgroup limit, oom_kill {cap.kills}"
        return Outcome(kind="out_of_memory", signature=signature)
    if log.fault is not None:
        return Outcome(kind="failed", signature=log.fault)
    return Outcome()


def _forms(names: frozenset[str]) -> str | None:
    """Name the form of the checkpoint whose shards were opened; several at once are no form that can be asked for."""
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
            yield f"{name} is open; a run needs a value"
    if workload.model not in MODELS:
        yield f"no model {workload.model!r}; there is {', '.join(MODELS)}"
    if workload.precision not in PRECISIONS:
        yield f"no checkpoint in {workload.precision!r}; there is {', '.join(PRECISIONS)}"
    if workload.engine not in ENGINES:
        yield f"no engine {workload.engine!r} on this processor; there is {', '.join(ENGINES)}"
    if workload.engine == "accelerate" and workload.device_map is None:
        yield "device_map is open; accelerate dispatches by nothing else"
    if workload.host_memory_to_weights is not None and (reason := missing()) is not None:
        yield f"host_memory_to_weights {reason}"


def _refuse_threads() -> None:
    """A fork inherits the locks that threads hold, and none of the threads, which would release them."""
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"this process has {threads} threads, and only one without any can be forked")


def main() -> int:
    """Serve loading until the caller is gone; return the exit status."""
    os.environ.update(
        HF_HUB_OFFLINE="1",  # everything is built here; whatever library thinks otherwise must fail, not download
        CUDA_VISIBLE_DEVICES="",  # what is measured is the host's memory, so nothing may go elsewhere
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

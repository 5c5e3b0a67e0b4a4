"""The program's side of the protocol: write one `Ready`, then answer each `Request` with one `Answer`.

`serve` is all that a user's own program needs::

    def run(workload: Sorting, seed: int) -> Answer:
        ...

    if __name__ == "__main__":
        serve(run)
"""

from __future__ import annotations

import os
import platform
import select
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO, get_type_hints

from pydantic import ValidationError

from llm_claims.workloads.base import Workload
from llm_claims.workloads.clock import clock
from llm_claims.workloads.devices import find_devices
from llm_claims.workloads.hardware import processor
from llm_claims.workloads.outcome import Outcome, first_fault, outcome_of
from llm_claims.workloads.processes.lifeline import die_when_interrupted, die_with_caller
from llm_claims.workloads.protocol import Answer, Ready, Request
from llm_claims.workloads.registry import register

Runner = Callable[[Request], Answer]


class UnsupportedWorkload(ValueError):
    """A program cannot run this workload; the text says why. Its case is untestable, for this reason."""


def serve(run: Callable[[Any, int], Answer], packages: Iterable[str] = ()) -> int:
    """Answer requests with ``run``, a function of a workload and a seed, until the caller has ended.

    The annotation of its first parameter says which kind of workload it takes. ``packages`` are the distributions whose
    versions the provenance states. The exit status is returned.
    """
    kind = next(iter(get_type_hints(run).values()))
    return serve_prepared(kind, lambda: lambda request: run(request.workload, request.seed), packages)


def serve_prepared(
    kind: type[Workload], set_up: Callable[[], Runner], packages: Iterable[str], device: str = "cpu"
) -> int:
    """Run ``set_up``, then answer requests with what it returned until the caller closes the channel or ends.

    ``packages`` are the distributions whose versions `Ready` states. The exit status is returned.
    An error in ``set_up`` is not caught: the program ends with its traceback. When the caller ends, the program
    ends at once, even in the middle of a run.
    """
    register(kind)
    start = perf_counter()
    clock.start()
    die_when_interrupted()
    die_with_caller()
    if _caller_is_gone():
        return 0
    # DeepSpeed imports mlflow if it is installed, for an unused tuner. It starts threads, which a fork must not have.
    sys.modules.setdefault("mlflow", None)  # type: ignore[arg-type]
    requests, answers = _private_streams()
    run = set_up()
    software = {"python": platform.python_version()} | {name: version(name) for name in packages}
    here = processor()
    if device == "cuda":
        here, software = f"{find_devices().describe()}, {here}", software | _cuda_libraries()
    ready = Ready(hardware=here, software=software, setup_seconds=perf_counter() - start, spent=clock.stop())
    try:
        _write(answers, ready.model_dump_json())
        for line in requests:
            _write(answers, answer(run, line).model_dump_json())
    except BrokenPipeError:
        # The caller has gone. A normal exit would flush the stream, and fail again.
        os._exit(1)
    return 0


def command_line() -> ArgumentParser:
    """Return a parser with the options that programs of this package have.

    ``--device`` is ``cpu`` (the default) or ``cuda``. ``--weights`` names a checkpoint of a model, for the kinds that
    take one.
    """
    parser = ArgumentParser()
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to run")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="NAME=FOLDER", help="a checkpoint of a model; may repeat"
    )
    return parser


def checkpoints(asked: Namespace) -> dict[str, Path]:
    """Return the folders that ``--weights`` names, by model."""
    return {name: Path(folder) for name, _, folder in (one.partition("=") for one in asked.weights)}


def answer(run: Runner, line: str) -> Answer:
    """Answer one request, given as a line of JSON; an error becomes the outcome of the answer and is not raised."""
    clock.start()
    return clock.told(_answered(run, line))


def _answered(run: Runner, line: str) -> Answer:
    try:
        request = Request.model_validate_json(line)
    except ValidationError as error:
        return Answer(outcome=Outcome(kind="failed", signature=f"not a request: {first_fault(error)}"))
    try:
        return run(request)
    except UnsupportedWorkload as reason:
        return Answer(outcome=outcome_of(reason), unsupported=str(reason))
    except Exception as error:
        return Answer(outcome=outcome_of(error))


def _cuda_libraries() -> dict[str, str]:
    """Versions of the CUDA libraries in PyTorch; asking for them does not initialize a GPU."""
    import torch

    nccl = torch.cuda.nccl.version()  # type: ignore[no-untyped-call]
    return {"cuda": str(torch.version.cuda), "nccl": ".".join(map(str, nccl))}


def _caller_is_gone() -> bool:
    """Whether the caller closed the channel, or died, while this program was starting, and left no request."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))


def _private_streams() -> tuple[TextIO, TextIO]:
    """Move the channel from descriptors 0 and 1 to private ones, so that no library can read or write it.

    Afterwards, what libraries (native ones too) print to standard output goes to standard error.
    """
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests, answers


def _write(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()

"""The program's end of the protocol: private streams, one `Ready`, then one `Answer` a `Request`.

`serve` is all that a program of one's own needs::

    def run(workload: Sorting, seed: int) -> Answer:
        ...

    if __name__ == "__main__":
        serve(run)
"""

from __future__ import annotations

import os
import platform
import select
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from importlib.metadata import version
from time import perf_counter
from typing import Any, TextIO, get_type_hints

from pydantic import ValidationError

from llm_claims.workloads.base import Workload
from llm_claims.workloads.devices import find_devices
from llm_claims.workloads.hardware import processor
from llm_claims.workloads.outcome import Outcome, first_fault, outcome_of
from llm_claims.workloads.processes.lifeline import die_with_caller
from llm_claims.workloads.protocol import Answer, Ready, Request
from llm_claims.workloads.registry import register

Runner = Callable[[Request], Answer]


class UnsupportedWorkload(ValueError):
    """A workload that a program does not run; the text says why."""


def serve(run: Callable[[Any, int], Answer], packages: Iterable[str] = ()) -> int:
    """Answer requests with ``run``, a function of a workload and a seed, until the caller is gone.

    The annotation of its first parameter is the kind of workload. ``packages`` are the distributions whose
    versions the provenance states. The exit status is returned.
    """
    kind = next(iter(get_type_hints(run).values()))
    return serve_prepared(kind, lambda: lambda request: run(request.workload, request.seed), packages)


def serve_prepared(
    kind: type[Workload], set_up: Callable[[], Runner], packages: Iterable[str], device: str = "cpu"
) -> int:
    """Set a program up, then answer requests until its caller closes the channel or is gone.

    ``packages`` are the distributions whose versions `Ready` states. The exit status is returned.
    A fault in the set-up is not caught: the program ends with its traceback. A program whose caller is
    gone ends at once, whatever it does.
    """
    register(kind)
    start = perf_counter()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # As an exception it would be lost where Python ignores those, as between a fork and its return.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_caller()
    if _hung_up():
        return 0
    # DeepSpeed imports it where it is, for a tuner that nobody uses here; it starts threads, and a fork wants none.
    sys.modules.setdefault("mlflow", None)  # type: ignore[arg-type]
    requests, answers = _private_streams()
    run = set_up()
    software = {"python": platform.python_version()} | {name: version(name) for name in packages}
    here = processor()
    if device == "cuda":
        here, software = f"{find_devices().describe()}, {here}", software | _cuda_libraries()
    ready = Ready(hardware=here, software=software, setup_seconds=perf_counter() - start)
    try:
        _write(answers, ready.model_dump_json())
        for line in requests:
            _write(answers, answer(run, line).model_dump_json())
    except BrokenPipeError:
        # Nobody is left to be told. A stream that still holds the line would fail again at exit.
        os._exit(1)
    return 0


def command_line() -> ArgumentParser:
    """Return the parser of what every program may be told: ``--device cuda``, or else the processor."""
    parser = ArgumentParser()
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to run")
    return parser


def answer(run: Runner, line: str) -> Answer:
    """Answer one line of the channel; whatever goes wrong is the outcome, and the program lives on."""
    try:
        request = Request.model_validate_json(line)
    except ValidationError as error:
        return Answer(outcome=Outcome(kind="failed", signature=f"not a request: {first_fault(error)}"))
    try:
        return run(request)
    except Exception as error:
        return Answer(outcome=outcome_of(error))


def _cuda_libraries() -> dict[str, str]:
    """Versions of what PyTorch brings along; to ask for them starts nothing on a GPU."""
    import torch

    nccl = torch.cuda.nccl.version()  # type: ignore[no-untyped-call]
    return {"cuda": str(torch.version.cuda), "nccl": ".".join(map(str, nccl))}


def _hung_up() -> bool:
    """Whether nobody will ever ask: the caller closed the channel or died while this program was being started."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))


def _private_streams() -> tuple[TextIO, TextIO]:
    """Take the channel away from descriptors 0 and 1, so that no library can read or write it.

    What libraries, native ones too, print to standard output then goes to standard error.
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

"""Programs that start in milliseconds: forks of one process that has imported everything (see `warm_process`)."""

from __future__ import annotations

import functools
import inspect
import json
import os
import pickle
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts import is_so

from llm_claims.workloads.base import Workload
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer
from llm_claims.workloads.training.defaults import CPU
from llm_claims.workloads.training.workload import Training

MARK = "LLM_CLAIMS_TEST"
PROGRAM = "from llm_claims.workloads.training import program; raise SystemExit(program.main())"
"""The training program itself."""

QUICK = "from llm_claims.workloads.training import base_model\nbase_model._PRETRAINING_STEPS = 1\n" + PROGRAM
"""The training program, with a base model that has learned nothing."""

Train = Callable[..., Answer]
"""Has a training program run the workload with these fields, with ``seed`` as the request's seed."""


def training(**fields: Any) -> Training:
    """A training workload with nothing left open."""
    workload = Training(**fields)
    return workload.filled(CPU.fields_for(workload))


def line_of(workload: Workload, seed: int = 7) -> str:
    """The request that asks for a workload."""
    return Request(workload=workload, round=1, seed=seed).model_dump_json()


class Fork:
    """A program that was forked in a session of its own, the line to it, and its folder for temporary files."""

    def __init__(self, pid: int, folder: Path, name: str) -> None:
        self.pid, self._folder, self._name = pid, folder, name
        self._to = (folder / "in").open("w")
        self._from = (folder / "out").open()

    def say(self, line: str) -> None:
        """Send a line."""
        self._to.write(line + "\n")
        self._to.flush()

    def hear(self) -> str:
        """Return the next line, empty if none will come."""
        return self._from.readline().rstrip("\n")

    def ready(self) -> Ready:
        """Hear that a program stands."""
        return Ready.model_validate_json(self.hear())

    def ask(self, workload: Workload, seed: int = 7) -> Answer:
        """Have a program that stands run a workload."""
        self.say(line_of(workload, seed))
        return read_answer(self.hear(), type(workload))

    def hang_up(self) -> None:
        """Close the line."""
        self._to.close()
        self._from.close()

    @property
    def temporary(self) -> list[Path]:
        """What lies in its folder for temporary files."""
        return list((self._folder / "tmp").iterdir())

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return (self._folder / "err").read_text(errors="replace")

    def family(self) -> dict[int, str]:
        """The command lines of all that lives of this program, by process id."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                forked = (path / "comm").read_text().strip() == self._name
                started = f"{MARK}={self._name}".encode() in (path / "environ").read_bytes().split(b"\0")
                if (forked or started) and (path / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found


class Warm:
    """The process that is forked; its own temporary files, and its forks', are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "err").open("w"),
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        assert self._said() == "ready", (folder / "err").read_text()

    def fork(self, code: str, temporary: Path | None = None) -> Fork:
        """Run code in a fork, which finds ``temporary`` or a new folder for its temporary files."""
        name = uuid.uuid4().hex[:12]
        folder = self._folder / name
        folder.mkdir()
        for pipe in ("in", "out"):
            os.mkfifo(folder / pipe)
        if temporary is None:
            (folder / "tmp").mkdir()
        else:
            (folder / "tmp").symlink_to(temporary)
        order = {
            "code": textwrap.dedent(code),
            "files": [str(folder / file) for file in ("in", "out", "err")],
            "environment": {MARK: name, "TMPDIR": str(folder / "tmp")},
            "name": name,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Fork(int(self._said()), folder, name)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End the process; its forks live on."""
        self._process.communicate(timeout=30)


Forker = Callable[..., Fork]
"""Runs code in a fork of the warm process."""


def forks(warm: Warm) -> Iterator[Forker]:
    """Fork a warm process; in the end nothing may be left of the forks."""
    made: list[Fork] = []

    def fork(code: str, temporary: Path | None = None) -> Fork:
        made.append(warm.fork(code, temporary))
        return made[-1]

    yield fork
    for one in made:
        one.hang_up()
    for one in made:
        assert is_so(lambda one=one: not one.family()), one.family()  # type: ignore[misc]


INSIDE = """
import importlib, pickle, sys, traceback
sys.path[:0] = {path!r}
test = getattr(importlib.import_module({module!r}), {name!r}).__wrapped__
try:
    test(**pickle.loads({arguments!r}))
    print("passed", flush=True)
except Exception:
    traceback.print_exc()
"""


def inside(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a fork of the warm process, which has imported what would take this one many seconds."""

    @functools.wraps(test)
    def run(fork: Forker, **arguments: Any) -> None:
        code = INSIDE.format(
            path=[str(Path(test.__code__.co_filename).parent), str(Path(__file__).parent)],
            module=test.__module__,
            name=test.__name__,
            arguments=pickle.dumps(arguments),
        )
        program = fork(code)
        assert program.hear() == "passed", program.errors

    known = inspect.signature(test)
    taken = inspect.Parameter("fork", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = known.replace(parameters=[*known.parameters.values(), taken])  # type: ignore[attr-defined]
    return run

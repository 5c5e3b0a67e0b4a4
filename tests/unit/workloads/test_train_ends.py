"""Whatever ends the training program, or its caller, and when: nothing of it is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from scripts import is_so
from warm import QUICK, Fork, Forker, line_of, training

from llm_claims.workloads.training import link

needs_link = pytest.mark.skipif(link.missing() is not None, reason=str(link.missing()))
TINY: dict[str, Any] = {"samples": 8, "warmup_steps": 0}

OWNER = """
import os, sys, time
{patch}
requests, answers = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    os.setsid()
    os.dup2(requests[0], 0)
    os.dup2(answers[1], 1)
    for end in (*requests, *answers):
        os.close(end)
    {program}
os.close(requests[0])
os.close(answers[1])
print(pid, flush=True)
os.write(requests[1], sys.stdin.readline().encode())
time.sleep(60)
"""
SLOW_SET_UP = "from llm_claims.workloads.training import program as train; train.set_up = lambda *_: time.sleep(60)"
LONG: dict[str, Any] = {"ranks": 2, "samples": 20_000, "context_tokens": 16}


def runs(owner: Fork) -> bool:
    """A run has begun."""
    return any([*path.glob("run-*")] for path in owner.temporary)


def trains(owner: Fork) -> bool:
    """The bar of a rank has been drawn."""
    written = b""
    for pid in owner.family():
        with suppress(OSError):  # gone since
            written += Path(f"/proc/{pid}/fd/2").read_bytes()
    return b"it/s" in written or b"s/it" in written


MOMENTS: dict[str, tuple[str, dict[str, Any], Callable[[Fork], bool]]] = {
    # Not by any file: Python tries a folder for temporary files by a file of its own.
    "set-up": (SLOW_SET_UP, TINY, lambda owner: any(one.name.startswith("llm-claims-") for one in owner.temporary)),
    "base": ("", TINY, lambda owner: any([*path.glob("base-*")] for path in owner.temporary)),
    "alone": ("", {"samples": 20_000}, trains),
    "starting": ("", LONG, runs),
    "training": ("", LONG, trains),
    "joining": ("", {**LONG, "link_mbit_per_second": 32}, runs),
    "linked": ("", {**LONG, "link_mbit_per_second": 32}, trains),
}
ENDS = [
    ("set-up", "owner", signal.SIGKILL),
    ("set-up", "program", signal.SIGINT),
    ("base", "program", signal.SIGTERM),
    ("alone", "owner", signal.SIGINT),
    ("starting", "group", signal.SIGKILL),
    ("training", "owner", signal.SIGKILL),
    ("training", "program", signal.SIGINT),
    pytest.param("joining", "program", signal.SIGKILL, marks=needs_link),
    pytest.param("linked", "group", signal.SIGTERM, marks=needs_link),
    pytest.param("linked", "owner", signal.SIGKILL, marks=needs_link),
]


@pytest.mark.parametrize(("moment", "whom", "number"), ENDS)
def test_whatever_ends_it_nothing_is_left(fork: Forker, moment: str, whom: str, number: signal.Signals) -> None:
    patch, fields, reached = MOMENTS[moment]
    owner = fork(OWNER.format(patch=patch, program=QUICK.replace("\n", "\n    ")))
    pid = int(owner.hear())
    owner.say(line_of(training(**fields)))
    assert is_so(lambda: reached(owner), 30)
    {"program": os.kill, "owner": os.kill, "group": os.killpg}[whom](owner.pid if whom == "owner" else pid, number)
    # Python hears of its owner's end between two steps of its own, and a library may take long to import.
    assert is_so(lambda: set(owner.family()) <= {owner.pid}, 30), owner.family()
    assert is_so(lambda: owner.temporary == [], 5)
    assert link.INTERFACE not in Path("/proc/net/dev").read_text()
    if whom != "owner":
        os.kill(owner.pid, signal.SIGKILL)

"""Launching ranks: what comes back of them, in words where they fail, and what they leave."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from scripts import is_so
from warm import Fork, Forker

from llm_claims.workloads.training import link

PRELUDE = """
import json, os, signal, sys, tempfile, time
from pathlib import Path
from llm_claims.workloads.training.launch import launch

scratch = Path(tempfile.gettempdir())

def say(said):
    print(json.dumps(said), flush=True)
def run(work, ranks, rate=None):
    try:
        say(launch(work, ranks, rate))
    except Exception as error:
        say(f"{type(error).__name__}: {error}")
def rank():
    return int(os.environ["RANK"])
def meet(wait=False):
    import torch
    import torch.distributed as dist
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    ranks = torch.ones(1)
    dist.all_reduce(ranks)
    return f"{rank()} of {int(ranks)}"
"""
needs_link = pytest.mark.skipif(link.missing() is not None, reason=str(link.missing()))
# Two ranks on one machine, and two with a link between them.
PAIRS = [pytest.param("2", id="two"), pytest.param("2, 32", id="linked", marks=needs_link)]

Run = Callable[..., Any]


@pytest.fixture
def ran(fork: Forker) -> Run:
    """What comes of some work in so many ranks, said in a line of JSON."""

    def run(work: str, ranks: str, *more: str) -> Any:
        program = fork(f"{PRELUDE}run(lambda: {work}, {ranks})\n" + "".join(f"say({one})\n" for one in more))
        lines = [json.loads(program.hear()) for _ in range(1 + len(more))]
        return lines if more else lines[0]

    return run


def test_a_rank_alone_is_a_fork_with_nothing_around_it(ran: Run) -> None:
    assert ran("str('RANK' in os.environ)", "1") == ["False"]


@pytest.mark.parametrize("ranks", PAIRS)
def test_results_come_by_rank(ran: Run, ranks: str) -> None:
    assert ran("meet() + 'x' * 200_000 * rank()", ranks) == ["0 of 2", "1 of 2" + "x" * 200_000]


def test_a_link_joins_two(ran: Run) -> None:
    assert ran("meet()", "3, 32.0") == "ValueError: a link connects two ranks, not 3"


FAULTS = {
    "raises": ("[][1]", "IndexError: list index out of range"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rank_that_fails_alone_is_told_with_its_last_lines(ran: Run, fault: str) -> None:
    doing, words = FAULTS[fault]
    said = ran(f"(print('its words'), {doing})", "1")
    assert said.startswith(f"RankError: rank 0: {words}; its last lines:\n    its words")


@pytest.mark.parametrize(
    ("fault", "number", "ranks"),
    [
        ("raises", 0, "2"),
        ("raises", 1, "2"),
        ("killed", 1, "2"),
        pytest.param("raises", 1, "2, 32", marks=needs_link),
        pytest.param("killed", 0, "2, 32", marks=needs_link),
    ],
)
def test_the_rank_that_fails_is_named_and_not_the_one_that_misses_it(
    ran: Run, fault: str, number: int, ranks: str
) -> None:
    doing, words = FAULTS[fault]
    started = monotonic()
    said = ran(f"(meet(), rank() == {number} and (print('its words'), {doing}), meet(), time.sleep(60))", ranks)
    # In a namespace of its own a rank complains first that hosts have no names there.
    assert re.match(rf"RankError: rank {number}: {words}; its last lines:\n(    .*c10d.*\n)*    its words", said)
    assert monotonic() - started < 20


# Threads, children, open files.
LIVES = """[
    len(os.listdir("/proc/self/task")),
    Path(f"/proc/self/task/{os.getpid()}/children").read_text(),
    len(os.listdir("/proc/self/fd")),
]"""


@pytest.mark.parametrize("ranks", ["1", PAIRS[1]])
def test_nothing_of_a_launch_stays_with_who_launched(fork: Forker, ranks: str) -> None:
    code = f"""
kept = dict(os.environ)
lives = lambda: {LIVES}
seen = [lives()]
for work in (lambda: "done", lambda: [][1]):
    run(work, {ranks})
    seen.append(lives())
say(seen)
say(kept == dict(os.environ))
"""
    program = fork(PRELUDE + code)
    for _ in range(2):
        program.hear()
    lives = json.loads(program.hear())
    assert lives[0] == lives[1] == lives[2]
    assert lives[0][:2] == [1, ""]
    assert json.loads(program.hear()) is True


PRINTS = "(print('to the channel'), os.write(1, b'natively'), __import__('subprocess').run(['echo', 'by another']))"


@pytest.mark.parametrize("ranks", ["1", "2"])
def test_what_ranks_print_stays_among_them(fork: Forker, ranks: str) -> None:
    """They neither write to the program's streams nor read from them, nor write again what waits to be written."""
    code = f"""
sys.stdout = open(1, "w", closefd=False)
sys.stdout.write("waits; ")
from llm_claims.workloads import program as channel
_, answers = channel._private_streams()
launch(lambda: repr({PRINTS} and sys.stdin.read()), {ranks})
answers.write("the only line\\n")
answers.flush()
"""
    program = fork(PRELUDE + code)
    said = program.hear()
    assert said in ("the only line", "waits; the only line")
    assert program.hear() == ""


def test_ports_that_are_taken_do_no_harm(ran: Run) -> None:
    with socket.socket() as one, socket.socket() as other:
        for listener, port in ((one, 29500), (other, 29400)):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("", port))
                listener.listen()
            except OSError:  # by somebody else: as good
                continue
        assert ran("meet()", "2") == ["0 of 2", "1 of 2"]


def test_several_launches_at_once_do_not_meet(fork: Forker) -> None:
    programs = [fork(f"{PRELUDE}run(lambda: (meet(), time.sleep(0.3), meet())[0], 2)") for _ in range(2)]
    assert [json.loads(program.hear()) for program in programs] == [["0 of 2", "1 of 2"]] * 2


NODE = """
import itertools
from llm_claims.workloads.training import launch as module
module._cluster_ports = itertools.count({port})
os.environ.update(LLM_CLAIMS_NODES="2", LLM_CLAIMS_NODE_RANK="{node}", GLOO_SOCKET_IFNAME="lo")
time.sleep({node})
for _ in range(2):
    run(lambda: (meet(), rank() == 0 and time.sleep(0.5))[0], 4)
"""


def test_two_machines_share_the_ranks_of_every_run(fork: Forker) -> None:
    """Here both are this machine. The second one is done first, and begins its next run before the first one does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nodes = [fork(PRELUDE + NODE.format(port=port, node=node)) for node in (0, 1)]
    for _ in range(2):
        said = [json.loads(node.hear()) for node in nodes]
        assert said == [["0 of 4", "1 of 4"], ["2 of 4", "3 of 4"]]


HANGING = """
def hang():
    meet()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (scratch / f"hangs{rank()}").touch()
    time.sleep(60)
"""


def hanging(program: Fork) -> bool:
    return len([path for path in program.temporary if path.name.startswith("hangs")]) == 2


def veths() -> int:
    return Path("/proc/net/dev").read_text().count(link.INTERFACE)


@pytest.mark.parametrize(
    ("number", "ranks"),
    [
        (signal.SIGTERM, "2"),
        (signal.SIGKILL, "2"),
        pytest.param(signal.SIGKILL, "2, 32", marks=needs_link),
        pytest.param(signal.SIGINT, "2, 32", marks=needs_link),
    ],
)
def test_ranks_that_hang_end_with_who_launched_them(fork: Forker, number: signal.Signals, ranks: str) -> None:
    program = fork(f"{PRELUDE}{HANGING}signal.signal(signal.SIGINT, signal.SIG_DFL)\nrun(hang, {ranks})")
    assert is_so(lambda: hanging(program))
    spaces = {os.readlink(f"/proc/{pid}/ns/net") for pid in program.family()}
    assert len(spaces) == (3 if "," in ranks else 1)
    os.kill(program.pid, number)
    assert is_so(lambda: not program.family())
    assert veths() == 0

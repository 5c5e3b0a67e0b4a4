"""Ranks work together: all are heard, the first to fail is named, and all end together."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest
from scripts import Start, heard, is_so, lines_of, lives

from llm_claims.workloads.llm.ranks import RankError, agreed, environments
from llm_claims.workloads.outcome import Outcome, outcome_of
from llm_claims.workloads.protocol import Answer
from llm_claims.workloads.training.workload import TrainingWitness

PRELUDE = """
import json, os, signal, sys, time
from llm_claims.workloads.llm.ranks import RankError, Ranks

def say(said):
    print(json.dumps(said), flush=True)
def rank():
    return int(os.environ["RANK"])
def hearing(ranks, seconds=10):
    try:
        say(ranks.receive(seconds))
    except RankError as error:
        say(str(error))
"""


def said(start: Start, code: str) -> list[Any]:
    return [json.loads(line) for line in lines_of(start(PRELUDE + code))]


def test_each_rank_finds_its_place_in_its_environment() -> None:
    first, second = environments(range(2, 4), 8, "algo-1", 29500, "eth0")
    assert second == {**first, "RANK": "3", "LOCAL_RANK": "1"}
    assert (first["RANK"], first["LOCAL_RANK"], first["WORLD_SIZE"], first["LOCAL_WORLD_SIZE"]) == ("2", "0", "8", "2")
    assert (first["MASTER_ADDR"], first["MASTER_PORT"], first["GLOO_SOCKET_IFNAME"]) == ("algo-1", "29500", "eth0")


def test_no_other_process_is_given_their_port_on_any_address(start: Start) -> None:
    (port, *taken) = said(
        start,
        """
import socket
def elsewhere(channel):
    channel.send(os.environ["MASTER_PORT"])
with Ranks.local(elsewhere, 2) as ranks:
    port = int(ranks.receive(10)[0])
    say(port)
    for address in ("127.0.0.1", "127.0.0.2"):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            try:
                other.bind((address, port))
                say(address)
            except OSError as error:
                say(error.errno)
""",
    )
    assert port > 0
    assert taken == [errno.EADDRINUSE, errno.EADDRINUSE]


def test_all_are_sent_to_and_answer_in_their_order(start: Start) -> None:
    code = """
def work(channel):
    while True:
        time.sleep(0.2 * (1 - rank()))
        channel.send(channel.receive() * (rank() + 1) + os.environ["WORLD_SIZE"])
with Ranks.local(work, 2) as ranks:
    for _ in range(2):
        ranks.send("x" * 100_000)
        hearing(ranks)
"""
    assert said(start, code) == [["x" * 100_000 + "2", "x" * 200_000 + "2"]] * 2


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ("rank() == 1 and [][1] or time.sleep(60)", "rank 1: IndexError: list index out of range"),
        ("rank() == 1 and os._exit(3) or time.sleep(60)", "rank 1: exit status 3"),
        # What missed it raised an error for want of it, and both are heard of at once.
        ("rank() == 1 and os.kill(os.getpid(), 9) or [][1]", "rank 1: killed by SIGKILL"),
        ("rank() == 1 and time.sleep(60) or channel.send(1)", "rank 1: sent nothing for 1 s"),
    ],
    ids=["raises", "ends", "killed", "hangs"],
)
def test_the_first_to_fail_is_named_with_its_last_lines(start: Start, work: str, words: str) -> None:
    code = f"""
with Ranks.local(lambda channel: (print("its words", flush=True), {work}), 2, captured=True) as ranks:
    time.sleep(0.5)
    hearing(ranks, 1)
"""
    (told,) = said(start, code)
    assert told.startswith(f"{words}; its last lines:\n    its words")


def test_all_lines_are_told_and_the_first_says_whether_memory_ran_out() -> None:
    words = "RuntimeError: [enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
    for said, kind in ((f"rank 0: {words}", "out_of_memory"), (f"rank 1: no\n{words}", "failed")):
        assert outcome_of(RankError(said)) == Outcome(kind=kind, signature=f"RankError: {said}")


@pytest.mark.parametrize("end", ["with ranks: pass", "os.kill(os.getpid(), 9)"], ids=["ended", "killed"])
def test_nothing_is_left_of_them(start: Start, end: str) -> None:
    code = f"""
ranks = Ranks.local(lambda channel: (signal.signal(signal.SIGTERM, signal.SIG_IGN), channel.send(1), time.sleep(60)), 2)
ranks.receive()
say(ranks.pids)
{end}
sys.stdin.read()
"""
    script = start(PRELUDE + code)
    pids = json.loads(heard(script))
    assert is_so(lambda: not any(map(lives, pids)))


def test_ranks_that_saw_the_same_agree_on_what_the_first_measured() -> None:
    seen = TrainingWitness(ranks=2, zero_stage=1)
    first, second = (Answer(metrics={"train_loss": loss}, witness=seen) for loss in (1.0, 2.0))
    assert agreed([first, second]) == first


def test_ranks_that_saw_different_runs_are_refused() -> None:
    answers = [Answer(witness=TrainingWitness(ranks=2, zero_stage=stage)) for stage in (1, 1, 3)]
    with pytest.raises(RankError, match=r"^ranks 0 and 2 saw different runs: zero_stage: 1 and 3$"):
        agreed(answers)
    failed = Answer(outcome=Outcome(kind="failed", signature="it broke"))
    with pytest.raises(RankError, match=r"^ranks 0 and 1 saw different runs: outcome: .*completed.*it broke"):
        agreed([Answer(), failed])

"""A node: what it says, and that it ends with its ``with`` block and with its parent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from warm import Forker, is_so

from llm_claims.workloads.training.node import words_of

PRELUDE = """
import json, os, sys, time
from llm_claims.workloads.training.node import Node, NodeGone
from llm_claims.workloads.training.rank import RankError

def say(*words):
    print(json.dumps(words), flush=True)
def ending(question):
    try:
        say("answer", question())
    except Exception as error:
        say(type(error).__name__, str(error))
"""


@pytest.fixture
def said(fork: Forker) -> Any:
    """The first line that some code says."""
    return lambda code: json.loads(fork(PRELUDE + code).hear())


@pytest.mark.parametrize(
    ("errand", "words"),
    [
        ("lambda line: ['a', 'b' * 300_000]", ["answer", ["a", "b" * 300_000]]),
        ("lambda line: 1 / 0", ["RankError", "the ranks could not be run: ZeroDivisionError: division by zero"]),
        ("lambda line: sys.exit(3)", ["RankError", "the ranks could not be run: SystemExit: 3"]),
        ("lambda line: os._exit(3)", ["NodeGone", "ended with exit status 3"]),
        ("lambda line: os.abort()", ["NodeGone", "died by SIGABRT"]),
        ("lambda line: os.kill(os.getpid(), 9)", ["NodeGone", "died by SIGKILL"]),
        # Half a message.
        ("lambda line: (os.write(line.fileno(), b'xx'), os._exit(0))", ["NodeGone", "ended with exit status 0"]),
    ],
)
def test_what_becomes_of_an_errand_is_told(said: Any, errand: str, words: list[Any]) -> None:
    assert said(f"with Node({errand}) as node:\n    ending(node.result)") == words


def test_all_lines_of_a_rank_that_failed_are_told(said: Any) -> None:
    errand = "def errand(line):\n    raise RankError('rank 1: it fails\\n    its line')\n"
    assert said(f"{errand}with Node(errand) as node:\n    ending(node.result)") == [
        "RankError",
        "rank 1: it fails\n    its line",
    ]


@pytest.mark.parametrize(
    ("errand", "words"),
    [
        ("lambda line: line.send('here')", ["answer", None]),
        ("lambda line: time.sleep(60)", ["RankError", "a process for ranks said nothing for 0.2 s, where it should"]),
        ("lambda line: 1 / 0", ["RankError", "the ranks could not be run: ZeroDivisionError: division by zero"]),
        ("lambda line: os._exit(3)", ["NodeGone", "ended with exit status 3"]),
    ],
)
def test_a_word_is_waited_for(said: Any, errand: str, words: list[Any]) -> None:
    kind, text = said(
        f"with Node({errand}) as node:\n    ending(lambda: node.expect('here', {0.2 if 'sleep' in errand else 10}))"
    )
    assert kind == words[0]
    assert text == words[1] or text.startswith(words[1])


def test_a_node_that_is_gone_can_be_spoken_to(said: Any) -> None:
    """It is found out when it is listened to."""
    code = """
with Node(lambda line: os._exit(0)) as node:
    os.waitid(os.P_PID, node.pid, os.WEXITED | os.WNOWAIT)
    node.tell("x" * 1000)
    node.tell("x" * 1000)
    ending(node.result)
"""
    assert said(code) == ["NodeGone", "ended with exit status 0"]


def test_the_block_ends_the_node_whatever_it_does(fork: Forker) -> None:
    code = """
import signal
with Node(lambda line: (signal.signal(signal.SIGTERM, signal.SIG_IGN), line.send("here"), time.sleep(60))) as node:
    node.expect("here", 10)
    say(node.pid)
say("over", os.path.exists(f"/proc/{node.pid}"))
"""
    program = fork(PRELUDE + code)
    assert json.loads(program.hear())[0] > 0
    assert json.loads(program.hear()) == ["over", False]


def test_a_node_dies_with_its_parent(fork: Forker) -> None:
    code = "with Node(lambda line: time.sleep(60)) as node:\n    say(node.pid)\n    os.kill(os.getpid(), 9)"
    program = fork(PRELUDE + code)
    program.hear()
    assert is_so(lambda: not program.family())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with exit status 0"),
        (7, "ended with exit status 7"),
        (-9, "died by SIGKILL"),
        (-60, "died by signal 60"),
    ],
)
def test_an_exit_status_is_put_in_words(status: int, words: str) -> None:
    assert words_of(status) == words

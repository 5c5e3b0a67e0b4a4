"""A fork works, tells, and stays until it is ended."""

from __future__ import annotations

import pytest
from scripts import Start, heard, is_so, lines_of, lives

PRELUDE = """
import atexit, os, signal, sys, time
from llm_claims.workloads.processes.fork import Fork, Raised
from llm_claims.workloads.processes.process import Ended

def say(*words):
    print(*words, flush=True)
def ending(fork):
    try:
        while True:
            say(fork.receive(10))
    except Ended as ended:
        say(type(ended).__name__, ended)
    fork.end()
"""


def test_the_two_talk_in_turn(start: Start) -> None:
    code = """
def work(channel):
    channel.send({"many": "x" * 100_000})
    channel.send([channel.receive(), 1.5, None])
fork = Fork(work)
say(len(fork.receive()["many"]))
try:
    fork.receive(0.01)
except TimeoutError:
    say("silent")
fork.send("go on")
say(fork.receive())
fork.end()
fork.end()
say(os.path.exists(f"/proc/{fork.pid}"), fork.status())
"""
    assert lines_of(start(PRELUDE + code)) == ["100000", "silent", "['go on', 1.5, None]", "False -9"]


ENDINGS = {
    "os._exit(7)": "Ended exit status 7",
    "os.kill(os.getpid(), signal.SIGKILL)": "Ended killed by SIGKILL",
    "os.write(channel._writing.fileno(), b'half a li'); os._exit(0)": "Ended exit status 0",
    "raise KeyError": "Raised KeyError",
    "raise OSError('no' + chr(10) + 'more')": "Raised OSError: no",
    "sys.exit(5)": "Raised SystemExit: 5",
}


def test_how_it_ended_is_told(start: Start) -> None:
    works = [f"def work(channel):\n    channel.send(1)\n    {work}\nending(Fork(work))\n" for work in ENDINGS]
    assert lines_of(start(PRELUDE + "".join(works))) == [line for told in ENDINGS.values() for line in ("1", told)]


def test_it_stays_when_its_work_is_done_or_has_failed(start: Start) -> None:
    code = """
forks = [Fork(lambda channel: channel.send("done")), Fork(lambda channel: 1 / 0)]
time.sleep(0.3)
say(*(fork.status() for fork in forks))
for fork in forks:
    fork.end()
"""
    assert lines_of(start(PRELUDE + code)) == ["None None"]


def test_a_death_before_it_was_heard_is_told_too(start: Start) -> None:
    code = """
fork = Fork(lambda channel: time.sleep(60))
os.kill(fork.pid, signal.SIGTERM)
os.waitid(os.P_PID, fork.pid, os.WEXITED | os.WNOWAIT)
try:
    fork.send("go on")
except Ended as ended:
    say(ended)
ending(fork)
"""
    assert lines_of(start(PRELUDE + code)) == ["killed by SIGTERM", "Ended killed by SIGTERM"]


def test_nothing_of_the_parent_s_end_runs_in_it(start: Start) -> None:
    code = """
atexit.register(lambda: say("end"))
sys.stdout.write("once\\n")
try:
    ending(Fork(lambda channel: sys.exit()))
finally:
    say("finally")
"""
    assert lines_of(start(PRELUDE + code)) == ["once", "Raised SystemExit", "finally", "end"]


@pytest.mark.parametrize("captured", [True, False])
def test_what_it_writes_is_captured_if_asked(start: Start, captured: bool) -> None:
    code = f"""
def work(channel):
    print("its", os.environ["WORD"], flush=True)
    channel.send("done")
fork = Fork(work, {{"WORD": "word"}}, {captured})
say(fork.receive(), fork.last_lines(), "WORD" in os.environ)
fork.end()
"""
    expected = ["done ['its word'] False"] if captured else ["its word", "done [] False"]
    assert lines_of(start(PRELUDE + code)) == expected


def test_it_ends_without_a_word_when_its_parent_does(start: Start) -> None:
    code = """
os.dup2(1, 2)
def work(channel):
    channel.send(os.getpid())
    channel.receive()
fork = Fork(work)
say(fork.receive())
fork._writing.close()
os.waitid(os.P_PID, fork.pid, os.WEXITED | os.WNOWAIT)
ending(fork)
"""
    assert lines_of(start(PRELUDE + code))[1:] == ["Ended exit status 0"]


def test_it_dies_with_its_parent(start: Start) -> None:
    code = (
        "fork = Fork(lambda channel: (channel.send(1), time.sleep(60))); fork.receive(); say(fork.pid); time.sleep(60)"
    )
    parent = start(PRELUDE + code)
    pid = int(heard(parent))
    parent.kill()
    assert is_so(lambda: not lives(pid))

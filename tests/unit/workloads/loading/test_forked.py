"""A forked child works, tells, and leaves nothing behind; its scripts run outside this process, which has threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

PRELUDE = """
import atexit, os, signal, sys, threading, time
from llm_claims.workloads.loading.forked import ChildGone, Forked

def say(*words):
    print(*words, flush=True)
def ending(child):
    try:
        while True:
            say(child.hear())
    except ChildGone as gone:
        say(gone)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's /proc")


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "parent.py"
    path.write_text(PRELUDE + body)
    return path


def lines(tmp_path: Path, body: str) -> list[str]:
    command = [sys.executable, script(tmp_path, body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_the_two_talk_in_turn(tmp_path: Path) -> None:
    body = """
def work(line):
    line.tell(stage=1, many="x" * 100_000)
    line.wait()
    line.tell(stage=2)
    line.tell(stage=3)
    line.wait()
child = Forked(work)
say(child.hear()["stage"])
say(child.hear(0.01))
child.go_on()
say(child.hear(), child.hear())
child.end()
child.end()
say(os.path.exists(f"/proc/{child.pid}"))
"""
    assert lines(tmp_path, body) == ["1", "None", "{'stage': 2} {'stage': 3}", "False"]


ENDINGS = {
    "line.tell(a=1)": ["{'a': 1}", "it ended with exit status 0"],
    "os._exit(7)": ["it ended with exit status 7"],
    "os.kill(os.getpid(), signal.SIGKILL)": ["it was killed by SIGKILL"],
    "os.kill(os.getpid(), 40)": ["it was killed by signal 40"],
    "raise KeyError": ["{'error': 'KeyError'}", "it ended with exit status 1"],
    "raise OSError('no' + chr(10) + 'more')": ["{'error': 'OSError: no'}", "it ended with exit status 1"],
    "sys.exit(5)": ["{'error': 'SystemExit: 5'}", "it ended with exit status 1"],
}


def test_how_it_ended_is_told(tmp_path: Path) -> None:
    body = "".join(
        f"""
def work(line):
    {work}
ending(Forked(work))
"""
        for work in ENDINGS
    )
    assert lines(tmp_path, body) == [line for told in ENDINGS.values() for line in told]


def test_a_death_before_it_was_heard_is_told_too(tmp_path: Path) -> None:
    body = """
child = Forked(lambda line: time.sleep(60))
child.go_on()
os.kill(child.pid, signal.SIGTERM)
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
child.go_on()
ending(child)
"""
    assert lines(tmp_path, body) == ["it was killed by SIGTERM"]


def test_nothing_of_the_parent_s_end_runs_in_the_child(tmp_path: Path) -> None:
    body = """
atexit.register(lambda: say("end"))
sys.stdout.write("once\\n")
try:
    child = Forked(lambda line: None)
    ending(child)
finally:
    say("finally")
"""
    assert lines(tmp_path, body) == ["once", "it ended with exit status 0", "finally", "end"]


def test_a_process_with_threads_is_not_forked(tmp_path: Path) -> None:
    body = """
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
try:
    Forked(lambda line: None)
except RuntimeError as error:
    say(error)
"""
    assert lines(tmp_path, body) == ["this process has 2 threads, and only one without any can be forked"]


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    path = script(tmp_path, "child = Forked(lambda line: time.sleep(60)); say(child.pid); time.sleep(60)")
    parent = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    sleep(0.1)  # until the child has said so to the kernel
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = monotonic() + 5
    while not has_ended(pid) and monotonic() < deadline:
        sleep(0.01)
    assert has_ended(pid)

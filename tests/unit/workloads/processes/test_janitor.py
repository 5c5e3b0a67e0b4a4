"""The janitor clears away whatever ends its owner, and nothing that nobody gave it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.processes.janitor import Janitor

PRELUDE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from llm_claims.workloads.processes.janitor import Janitor
from llm_claims.workloads.loading.memory_cap import MemoryCap

janitor = Janitor()
folder = Path(sys.argv[1])
def say(text=""):
    print(text, flush=True)
"""
NAMED = "janitor.folder(folder)"
FILLED = f"""
{NAMED}
(folder / "deep").mkdir(parents=True)
(folder / "deep" / "file").write_text("x" * 1000)
"""
FORKED = f"""
{FILLED}
if os.fork() == 0:
    os.setsid()  # whoever signals the owner's group leaves this one alive, with the pipe open
    time.sleep(8)
    os._exit(0)
"""
WRITING = f"""
{FILLED}
if os.fork() == 0:
    while True:
        for number in range(1000):
            (folder / "deep" / f"{{number}}").write_text("x")
"""
CAPPED = f"""
{FILLED}
cap = MemoryCap.make(janitor)
pid = os.fork()
if pid == 0:
    os.setsid()
    cap.enter()
    say(cap.path)
    time.sleep(60)
"""

needs_cgroup = pytest.mark.skipif(memory_cap.missing() is not None, reason=str(memory_cap.missing()))


@pytest.fixture
def janitor() -> Iterator[Janitor]:
    made = Janitor()
    yield made
    made.close()


def owner(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    """Start an owner that keeps ``tmp_path / "kept"``, and says a line at the end of ``body``."""
    script = tmp_path / "owner.py"
    script.write_text(PRELUDE + body)
    command = [sys.executable, str(script), str(tmp_path / "kept")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def is_gone(path: Path) -> bool:
    deadline = monotonic() + 5
    while path.exists() and monotonic() < deadline:
        sleep(0.01)
    return not path.exists()


@pytest.mark.parametrize("body", ["", NAMED, FILLED, FORKED, WRITING], ids=["", "named", "filled", "forked", "writing"])
def test_a_killed_group_leaves_no_folder(tmp_path: Path, body: str) -> None:
    process = owner(tmp_path, f"{body}\nsay()\ntime.sleep(60)")
    heard(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert is_gone(tmp_path / "kept")


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_no_moment_is_too_early_or_too_late(tmp_path: Path, delay: float) -> None:
    fill = f"{NAMED}\nsay()\nfor number in range(10**9):\n    (folder / str(number)).mkdir(parents=True)"
    process = owner(tmp_path, fill)
    heard(process)
    sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert is_gone(tmp_path / "kept")


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "os._exit(0)"])
def test_an_owner_that_just_ends_leaves_no_folder(tmp_path: Path, end: str) -> None:
    owner(tmp_path, FILLED + end).wait(30)
    assert is_gone(tmp_path / "kept")


@needs_cgroup
def test_a_killed_group_leaves_neither_cgroup_nor_members(tmp_path: Path) -> None:
    process = owner(tmp_path, CAPPED + "time.sleep(60)")
    cgroup = Path(heard(process))
    assert (cgroup / "cgroup.procs").read_text().strip()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert is_gone(cgroup)
    assert is_gone(tmp_path / "kept")


@needs_cgroup
def test_a_closed_janitor_leaves_neither_cgroup_nor_members(tmp_path: Path) -> None:
    process = owner(tmp_path, CAPPED + "sys.stdin.readline(); janitor.close(); say(os.waitpid(pid, 0)[1])")
    cgroup = Path(heard(process))
    process.communicate("go\n", timeout=30)
    assert not cgroup.exists()
    assert not (tmp_path / "kept").exists()


def test_what_is_closed_is_cleared_when_close_returns(tmp_path: Path, janitor: Janitor) -> None:
    kept, free = janitor.folder(tmp_path / "kept"), tmp_path / "free"
    for folder in (kept, free):
        folder.mkdir()
    (kept / "file").write_text("x")
    temporary = janitor.new_folder("llm-claims-test-")
    assert temporary.is_dir()
    janitor.close()
    janitor.close()
    assert not kept.exists()
    assert not temporary.exists()
    assert free.is_dir()


def test_what_a_link_points_to_is_not_the_janitor_s(tmp_path: Path, janitor: Janitor) -> None:
    (tmp_path / "free").mkdir()
    (tmp_path / "free" / "file").write_text("x")
    kept = janitor.folder(tmp_path / "kept")
    kept.mkdir()
    (kept / "link").symlink_to(tmp_path / "free")
    janitor.close()
    assert not kept.exists()
    assert (tmp_path / "free" / "file").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_does_not_end_it_before_its_owner(tmp_path: Path, janitor: Janitor, number: signal.Signals) -> None:
    janitor.folder(tmp_path / "kept").mkdir()
    os.kill(janitor.pid, number)
    assert (tmp_path / "kept").exists()
    janitor.close()
    assert not (tmp_path / "kept").exists()


def test_a_fork_of_the_owner_cannot_close_it(tmp_path: Path) -> None:
    body = """
if os.fork() == 0:
    janitor.close()
    os._exit(0)
os.wait()
time.sleep(0.2)
say(folder.exists())
"""
    process = owner(tmp_path, FILLED + body)
    assert heard(process) == "True"
    process.wait(30)
    assert is_gone(tmp_path / "kept")


def test_a_closed_janitor_takes_no_orders(tmp_path: Path, janitor: Janitor) -> None:
    janitor.close()
    with pytest.raises(RuntimeError, match="takes no orders any more: exit status 0"):
        janitor.folder(tmp_path / "kept")


def test_a_relative_path_is_meant_as_the_owner_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, janitor: Janitor
) -> None:
    monkeypatch.chdir(tmp_path)
    janitor.folder(Path("kept")).mkdir()
    janitor.close()
    assert not (tmp_path / "kept").exists()

"""The janitor clears away whatever ends its owner, and nothing that nobody gave it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep

import pytest
from scripts import Start, heard, is_so

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
    os.close(1)
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


@pytest.fixture
def owner(start: Start, tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """Start an owner that keeps ``tmp_path / "kept"``."""
    return lambda body: start(PRELUDE + body, str(tmp_path / "kept"))


Owner = Callable[[str], subprocess.Popen[str]]


def is_gone(path: Path) -> bool:
    return is_so(lambda: not path.exists(), 5)


@pytest.mark.parametrize("body", ["", NAMED, FILLED, FORKED, WRITING], ids=["", "named", "filled", "forked", "writing"])
def test_a_killed_group_leaves_no_folder(owner: Owner, tmp_path: Path, body: str) -> None:
    process = owner(f"{body}\nsay()\ntime.sleep(60)")
    heard(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert is_gone(tmp_path / "kept")


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_no_moment_is_too_early_or_too_late(owner: Owner, tmp_path: Path, delay: float) -> None:
    fill = f"{NAMED}\nsay()\nfor number in range(10**9):\n    (folder / str(number)).mkdir(parents=True)"
    process = owner(fill)
    heard(process)
    sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert is_gone(tmp_path / "kept")


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "os._exit(0)"])
def test_an_owner_that_just_ends_leaves_no_folder(owner: Owner, tmp_path: Path, end: str) -> None:
    owner(FILLED + end).wait(30)
    assert is_gone(tmp_path / "kept")


@needs_cgroup
def test_a_killed_group_leaves_neither_cgroup_nor_members(owner: Owner, tmp_path: Path) -> None:
    process = owner(CAPPED + "time.sleep(60)")
    cgroup = Path(heard(process))
    assert (cgroup / "cgroup.procs").read_text().strip()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert is_gone(cgroup)
    assert is_gone(tmp_path / "kept")


@needs_cgroup
def test_a_closed_janitor_leaves_neither_cgroup_nor_members(owner: Owner, tmp_path: Path) -> None:
    process = owner(CAPPED + "sys.stdin.readline(); janitor.close(); say(os.waitpid(pid, 0)[1])")
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


def test_a_fork_of_the_owner_cannot_close_it(owner: Owner, tmp_path: Path) -> None:
    body = """
if os.fork() == 0:
    janitor.close()
    os._exit(0)
os.wait()
time.sleep(0.2)
say(folder.exists())
"""
    process = owner(FILLED + body)
    assert heard(process) == "True"
    process.wait(30)
    assert is_gone(tmp_path / "kept")


def test_a_closed_janitor_takes_no_orders(tmp_path: Path, janitor: Janitor) -> None:
    janitor.close()
    with pytest.raises(RuntimeError, match=r"has ended and cannot remove .* later: exit status 0"):
        janitor.folder(tmp_path / "kept")


def test_a_relative_path_is_meant_as_the_owner_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, janitor: Janitor
) -> None:
    monkeypatch.chdir(tmp_path)
    janitor.folder(Path("kept")).mkdir()
    janitor.close()
    assert not (tmp_path / "kept").exists()

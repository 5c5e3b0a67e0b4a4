"""All that the emulator starts dies with it, and it dies with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.client import Emulator

from .requests import GROUP, eventually, said, start_job

_WAITS = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(_WAITS) as process:
        yield process
        process.kill()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("victim", ["owner", pytest.param("emulator", marks=pytest.mark.slow)])
def test_nothing_outlives_a_kill(owner: subprocess.Popen[bytes], tmp_path: Path, victim: str) -> None:
    emulator = Emulator.start(owner_pid=owner.pid)
    pids = tmp_path / "pids"
    start_job(emulator, "long", f"setsid sleep 600 & echo $! >> {pids}; echo $$ >> {pids}; echo up; sleep 600")
    said(emulator, "up", GROUP, "long/")
    started = [int(pid) for pid in pids.read_text().split()]
    assert all(alive(pid) for pid in started)
    os.kill(owner.pid if victim == "owner" else emulator.pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in [emulator.pid, *started]))
    emulator.close()


@pytest.mark.slow
def test_the_folder_of_a_killed_emulator_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    first = Emulator.start()
    os.kill(first.pid, signal.SIGKILL)
    first.close()
    left = set(tmp_path.glob("llm-claims-emulator-*"))
    assert len(left) == 1
    second = Emulator.start()
    assert left.isdisjoint(tmp_path.iterdir())
    second.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_runs_without_namespaces_and_says_so() -> None:
    emulator = Emulator.start("--no-namespaces")
    script = "echo 7 > /opt/ml/model/weights; cat /opt/ml/input/config/resourceconfig.json"
    start_job(emulator, "plain", script)
    log = said(emulator, "current_host", GROUP, "plain/")
    assert log[0].startswith("emulator: no private mount namespace here (switched off): /opt/ml")
    emulator.close()
    assert not Path("/opt/ml/model/weights").exists()

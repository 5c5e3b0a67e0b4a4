"""Resident memory: what counts, and that a fork can make its pages its own."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.loading.resident import anonymous_bytes, available_bytes, unshare_pages

MB = 1 << 20

FORK = """
import mmap, os
import numpy
from llm_claims.workloads.processes.janitor import Janitor
from llm_claims.workloads.loading.memory_cap import MemoryCap
from llm_claims.workloads.loading.resident import anonymous_bytes, unshare_pages

held = bytearray(b"x") * (64 << 20)
reserved = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
janitor = Janitor()
cap = MemoryCap.make(janitor)
if os.fork() == 0:
    cap.enter()
    before = cap.usage_bytes
    unshare_pages()
    print(before, cap.usage_bytes, anonymous_bytes(os.getpid()), held == b"x" * len(held), flush=True)
    os._exit(0)
os.wait()
janitor.close()
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="reads Linux's /proc")


def test_touched_memory_counts_and_reserved_memory_does_not() -> None:
    before = anonymous_bytes(os.getpid())
    with mmap.mmap(-1, 64 * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as room:
        assert abs(anonymous_bytes(os.getpid()) - before) < 8 * MB
        room.write(b"x" * 32 * MB)
        assert 24 * MB < anonymous_bytes(os.getpid()) - before < 48 * MB


def test_a_mapped_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 32 * MB)
    before = anonymous_bytes(os.getpid())
    with open(tmp_path / "file", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert sum(mapped[:: mmap.PAGESIZE]) > 0
        assert abs(anonymous_bytes(os.getpid()) - before) < 8 * MB


def test_who_has_ended_holds_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert anonymous_bytes(process.pid) == 0  # waits to be reaped
    process.wait()
    assert anonymous_bytes(process.pid) == 0


def test_memory_is_available() -> None:
    assert MB < available_bytes() < 1 << 50


def test_owning_changes_nothing_that_can_be_seen() -> None:
    held = bytearray(os.urandom(MB))
    copy = bytes(held)
    unshare_pages()
    assert held == copy


@pytest.mark.skipif(memory_cap.missing() is not None, reason=str(memory_cap.missing()))
def test_a_fork_is_charged_for_what_it_has_made_its_own(tmp_path: Path) -> None:
    (tmp_path / "fork.py").write_text(FORK)
    done = subprocess.run(
        [sys.executable, tmp_path / "fork.py"], capture_output=True, text=True, timeout=60, check=True
    )
    before, after, held, unchanged = done.stdout.split()
    assert int(before) < 8 * MB
    assert 64 * MB < int(held) < 120 * MB, "what was only reserved is not held"
    # Pages that are read-only by now stay shared, and need no copy.
    assert abs(int(after) - int(held)) < 8 * MB
    assert unchanged == "True"

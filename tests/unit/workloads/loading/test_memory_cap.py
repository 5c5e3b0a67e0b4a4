"""The cap on host memory: it bites, it tells why, and where it cannot be made that is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.loading.memory_cap import MemoryCap
from llm_claims.workloads.processes.janitor import Janitor

MB = 1 << 20
MEMBER = """
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
held = bytearray(b"x") * (int(sys.argv[2]) << 20)
print("holding", flush=True)
sys.stdin.read()
"""

needs_cgroup = pytest.mark.skipif(memory_cap.missing() is not None, reason=str(memory_cap.missing()))


@pytest.fixture
def janitor() -> Iterator[Janitor]:
    made = Janitor()
    yield made
    made.close()


@pytest.fixture
def cap(janitor: Janitor) -> Iterator[MemoryCap]:
    made = MemoryCap.make(janitor)
    yield made
    made.close()
    assert not made.path.exists()


def member(cap: MemoryCap, megabytes: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", "-S", "-c", MEMBER, str(cap.path / "cgroup.procs"), str(megabytes)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@needs_cgroup
def test_what_fits_lives_and_is_counted(cap: MemoryCap) -> None:
    cap.limit(64 * MB)
    process = member(cap, 32)
    assert said(process) == "holding"
    assert cap.members == (process.pid,)
    assert 32 * MB < cap.usage_bytes < 48 * MB
    assert (cap.kills, cap.ran_out) == (0, False)
    process.communicate()
    assert process.returncode == 0


@needs_cgroup
def test_what_does_not_fit_is_killed_and_the_kernel_says_so(cap: MemoryCap) -> None:
    cap.limit(64 * MB)
    process = member(cap, 80)
    assert said(process) == ""
    assert process.wait() == -signal.SIGKILL
    assert (cap.kills, cap.ran_out) == (1, True)


@needs_cgroup
def test_members_share_one_budget(cap: MemoryCap) -> None:
    cap.limit(64 * MB)
    processes = [member(cap, 20)]
    assert said(processes[0]) == "holding"
    processes.append(member(cap, 50))
    assert said(processes[1]) == ""
    assert cap.ran_out
    processes[0].kill()
    for process in processes:
        process.communicate()


@needs_cgroup
def test_another_death_is_no_want_of_memory(cap: MemoryCap) -> None:
    cap.limit(64 * MB)
    process = member(cap, 1)
    assert said(process) == "holding"
    process.kill()
    process.communicate()
    assert (cap.kills, cap.ran_out) == (0, False)


@needs_cgroup
def test_closing_kills_who_is_left(janitor: Janitor) -> None:
    cap = MemoryCap.make(janitor)
    process = member(cap, 1)
    assert said(process) == "holding"
    cap.close()
    assert not cap.path.exists()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@needs_cgroup
@pytest.mark.parametrize(
    ("asked", "in_force"), [(8 * MB, 8 * MB), (8 * MB + 2000, 8 * MB), (8 * MB + 2100, 8 * MB + 4096)]
)
def test_a_limit_is_rounded_to_whole_pages(cap: MemoryCap, asked: int, in_force: int) -> None:
    if os.sysconf("SC_PAGE_SIZE") != 4096:
        pytest.skip("another size of pages")
    cap.limit(asked)
    assert cap.limit_bytes == in_force


@needs_cgroup
def test_swap_is_no_way_out(cap: MemoryCap) -> None:
    cap.limit(8 * MB)
    swap = {
        "memory.memsw.limit_in_bytes": f"{8 * MB}",  # memory and swap together
        "memory.swap.max": "0",
    }
    bounds = [
        (cap.path / name).read_text().strip() == value for name, value in swap.items() if (cap.path / name).exists()
    ]
    assert bounds == [True] or (bounds == [] and not memory_cap._has_swap())


@needs_cgroup
def test_a_cap_without_a_limit_has_none_to_tell(cap: MemoryCap) -> None:
    if (cap.path / "memory.max").exists():
        with pytest.raises(ValueError, match="max"):
            _ = cap.limit_bytes
    else:
        assert cap.limit_bytes > 1 << 60


def test_what_is_missing_is_told_in_these_words() -> None:
    assert memory_cap.missing() in (None, "needs a memory cgroup (root)")


V1 = "35 31 0:32 / {mount} rw,relatime - cgroup cgroup rw,memory"
V1_CPU = "34 31 0:31 / /nowhere rw,relatime - cgroup cgroup rw,cpu"
V2 = "41 31 0:38 / {mount} rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
PROC = "22 1 0:20 / /proc rw - proc proc rw"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have this process believe what the files say; return the mount point that ``{mount}`` stands for."""
    monkeypatch.setattr(memory_cap, "_MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(memory_cap, "_MEMBERSHIPS", tmp_path / "cgroup")
    memory_cap.missing.cache_clear()
    (tmp_path / "mount").mkdir()
    yield tmp_path / "mount"
    memory_cap.missing.cache_clear()


def tell(mount: Path, mounts: list[str], memberships: str) -> None:
    (mount.parent / "mountinfo").write_text("".join(f"{line.format(mount=mount)}\n" for line in mounts))
    (mount.parent / "cgroup").write_text(memberships)


def places(mount: Path) -> list[tuple[str, str]]:
    found = [(str(place.relative_to(mount)), names.limit) for place, names in memory_cap._places()]
    assert all(limit in ("memory.max", "memory.limit_in_bytes") for _, limit in found)
    return [(place, "v2" if limit == "memory.max" else "v1") for place, limit in found]


@pytest.mark.parametrize(
    ("mounts", "memberships", "expected"),
    [
        ([PROC, V1_CPU, V1], "4:memory:/a/b\n1:cpu:/c\n0::/\n", [("a/b", "v1"), ("a", "v1"), (".", "v1")]),
        ([V2], "0::/a/b\n", [("a/b", "v2"), ("a", "v2"), (".", "v2")]),
        ([V1.replace("memory", "cpu,memory")], "4:cpu,memory:/a\n", [("a", "v1"), (".", "v1")]),
        ([V2], "0::/../../a\n", [(".", "v2")]),  # as a namespace shows what lies outside it
        ([V2], "0::/gone\n", [(".", "v2")]),
        ([V1.replace(" / ", " /docker/1 ")], "4:memory:/docker/1/a\n", [("a", "v1"), (".", "v1")]),
        ([V1.replace(" / ", " /docker/1 ")], "4:memory:/elsewhere\n", [(".", "v1")]),
        ([V1_CPU], "1:cpu:/a\n0::/\n", []),
        ([PROC], "", []),
    ],
)
def test_a_cgroup_is_made_as_deep_as_can_be(
    told: Path, mounts: list[str], memberships: str, expected: list[tuple[str, str]]
) -> None:
    (told / "a" / "b").mkdir(parents=True)
    tell(told, mounts, memberships)
    assert places(told) == expected


@pytest.mark.parametrize("mounts", [[], [V1], [V2]], ids=["none", "v1", "v2"])
def test_where_the_kernel_takes_no_part_it_is_missing(told: Path, mounts: list[str]) -> None:
    tell(told, mounts, "4:memory:/\n0::/\n")
    assert memory_cap.missing() == "needs a memory cgroup (root)"
    assert list(told.iterdir()) == []


def test_on_another_system_it_is_missing(told: Path) -> None:
    assert memory_cap.missing() == "needs a memory cgroup (root)"

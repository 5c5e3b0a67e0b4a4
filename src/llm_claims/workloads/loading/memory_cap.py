"""A cap on host memory: a memory cgroup, version 1 or 2, without swap.

A cgroup limits the resident memory of all its processes together, so that a model server and the loading of a
model share one limit; pages of mapped files are reclaimed before the limit is enforced; and the kernel counts the
processes that it killed for want of memory, which tells this cause of death from others. ``RLIMIT_AS`` limits
addresses instead: a file that is only mapped would count as used, and each process would have its own limit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

from llm_claims.workloads.processes.clearing import clear_cgroup
from llm_claims.workloads.processes.janitor import Janitor

NEEDED = "needs a memory cgroup (root)"

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LARGEST_PAGE = 2 << 20  # one allocation may be this large, so usage at the limit can stay this far below it
_MOUNTS = Path("/proc/self/mountinfo")
_MEMBERSHIPS = Path("/proc/self/cgroup")
_SWAPS = Path("/proc/swaps")


@dataclass(frozen=True)
class _Names:
    """The names of the files of a memory cgroup."""

    limit: str
    usage: str
    swap: str  # in version 1, the limit of memory and swap together
    swap_counts_memory: bool
    kills: tuple[str, str]  # file, and key in the file
    most: str | None  # peak of what was charged, in bytes
    refusals: tuple[str, str] | None


_V1 = _Names(
    limit="memory.limit_in_bytes",
    usage="memory.usage_in_bytes",
    swap="memory.memsw.limit_in_bytes",
    swap_counts_memory=True,
    kills=("memory.oom_control", "oom_kill"),
    most="memory.max_usage_in_bytes",
    refusals=None,  # memory.failcnt stays zero on some kernels
)
_V2 = _Names(
    limit="memory.max",
    usage="memory.current",
    swap="memory.swap.max",
    swap_counts_memory=False,
    kills=("memory.events", "oom_kill"),
    most=None,  # memory.peak came with Linux 5.19
    refusals=("memory.events", "max"),
)


class MemoryCap:
    """One memory cgroup, at first empty and without a limit; processes enter it by calling `enter`.

    A page is charged to the cgroup that its process is in when it first touches the page, and stays charged there.
    Memory from before a process entered is not counted, except that a fork can have the pages that it shares with
    its parent charged (`llm_claims.workloads.loading.resident.unshare_pages`). Pages of files are charged to the
    cgroup of the process that read them first.
    """

    def __init__(self, path: Path, names: _Names) -> None:
        self.path = path
        self._names = names

    @classmethod
    def make(cls, janitor: Janitor) -> Self:
        """Make a cgroup inside that of this process or, if that is not possible, inside its nearest possible ancestor.

        Raises
        ------
        OSError
            None can be made here: no rights, no memory controller, or swap that cannot be limited.
        """
        fault = OSError("no memory controller is mounted")
        for parent, names in _places():
            path = janitor.cgroup(parent / f"llm-claims-{uuid.uuid4().hex[:12]}")
            try:
                _delegate_memory(parent)
                path.mkdir()
                if not (path / names.limit).exists():
                    raise OSError(f"{parent} does not delegate the memory controller to its children")
                if not (path / names.swap).exists() and _has_swap():
                    raise OSError("this machine has swap, and its kernel cannot limit it")
            except OSError as error:
                clear_cgroup(path)
                fault = error
            else:
                return cls(path, names)
        raise fault

    def enter(self) -> None:
        """Move the calling process into the cgroup."""
        self._write("cgroup.procs", os.getpid())

    def limit(self, size: int) -> None:
        """Limit the memory of all members together to ``size`` bytes, rounded to whole pages, and allow no swap."""
        pages = round(size / _PAGE) * _PAGE
        self._write(self._names.limit, pages)
        if (self.path / self._names.swap).exists():
            self._write(self._names.swap, pages if self._names.swap_counts_memory else 0)

    @property
    def limit_bytes(self) -> int:
        """The limit in force, in bytes, as the kernel reports it.

        Raises
        ------
        ValueError
            There is none.
        """
        return int(self._read(self._names.limit))

    @property
    def usage_bytes(self) -> int:
        """The memory charged now, in bytes: anonymous memory, pages of files, and kernel memory."""
        return int(self._read(self._names.usage))

    @property
    def kills(self) -> int:
        """How many members the kernel has killed because this cgroup or the machine was out of memory."""
        return self._count(*self._names.kills)

    @property
    def ran_out(self) -> bool:
        """Whether the kernel killed a member and this limit was reached, so that not the whole machine ran out."""
        return self.kills > 0 and self._was_reached()

    @property
    def members(self) -> tuple[int, ...]:
        """The ids of the processes in the cgroup."""
        return tuple(int(line) for line in self._read("cgroup.procs").split())

    def close(self) -> None:
        """Kill the processes in the cgroup, and remove it."""
        clear_cgroup(self.path)

    def _was_reached(self) -> bool:
        if self._names.refusals is not None:
            return self._count(*self._names.refusals) > 0
        assert self._names.most is not None
        return int(self._read(self._names.most)) > self.limit_bytes - _LARGEST_PAGE

    def _count(self, file: str, key: str) -> int:
        return dict(_pairs(self._read(file)))[key]

    def _read(self, file: str) -> str:
        return (self.path / file).read_text(encoding="ascii")

    def _write(self, file: str, value: int) -> None:
        (self.path / file).write_text(f"{value}\n", encoding="ascii")


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        yield key, int(value)


def _delegate_memory(parent: Path) -> None:
    """Enable the memory controller for children of ``parent``, if it is the root of a version 2 hierarchy."""
    switch = parent / "cgroup.subtree_control"
    if parent.is_mount() and switch.exists() and "memory" not in switch.read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):  # no memory controller, or a namespace's root that has processes
            switch.write_text("+memory\n", encoding="ascii")


def _has_swap() -> bool:
    return len(_SWAPS.read_text(encoding="utf-8").splitlines()) > 1


def _places() -> Iterator[tuple[Path, _Names]]:
    """Yield folders in which a memory cgroup may be made, the best first.

    Inside the cgroup of this process, all limits on this process stay in force. Version 2 allows no memory cgroup
    inside one that has processes, so there it has to be an ancestor.
    """
    memberships = [line.split(":", 2) for line in _MEMBERSHIPS.read_text(encoding="utf-8").splitlines()]
    for mount, root, controllers in _mounts():
        for _, named, member in memberships:
            if ("memory" in named.split(",")) if "memory" in controllers else (not named and not controllers):
                yield from ((place, _V1 if controllers else _V2) for place in _upwards(mount, root, member))


def _mounts() -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """Yield mount point, root and controllers of each cgroup hierarchy; the controllers are empty for version 2."""
    for line in _MOUNTS.read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split()[:3]
        if kind in ("cgroup", "cgroup2"):
            _, _, _, root, mount = before.split()[:5]
            yield Path(mount), root, tuple(options.split(",")) if kind == "cgroup" else ()


def _upwards(mount: Path, root: str, member: str) -> Iterator[Path]:
    """Yield the folder of the cgroup ``member``, then those above it, up to the mount point."""
    inner = Path(member).relative_to(root) if Path(member).is_relative_to(root) else Path()
    place = mount / inner
    # A cgroup outside the namespace is shown with "..": then the mount point is the nearest that is visible.
    if ".." in inner.parts or not place.is_dir():
        place = mount
    yield place
    while place != mount:
        place = place.parent
        yield place


@lru_cache(maxsize=1)
def missing() -> str | None:
    """Return why memory cannot be capped here, or ``None`` if it can; it is tried on a small process."""
    try:
        killed = _kills_at_limit()
    except (OSError, ValueError, KeyError):
        return NEEDED
    return None if killed else NEEDED


_GREEDY = """
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
bytearray(b"x") * (64 << 20)
"""


def _kills_at_limit() -> bool:
    """Whether the kernel kills a process that allocates 64 MiB under a cap of 16 MiB."""
    janitor = Janitor()
    try:
        cap = MemoryCap.make(janitor)
        cap.limit(16 << 20)
        command = [sys.executable, "-I", "-S", "-c", _GREEDY, str(cap.path / "cgroup.procs")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        return done.returncode == -signal.SIGKILL and cap.ran_out
    except subprocess.TimeoutExpired:
        return False
    finally:
        janitor.close()

"""A cap on host memory: a memory cgroup, version 1 or 2, with no way out into swap.

Why a cgroup and not a limit of the process: a cgroup counts what is resident in all its processes
together, so that a resident server and the loading of a model share one budget; it counts the pages
of mapped files only as far as they cannot be given back; and the kernel keeps a count of those whom it
killed, which tells memory that ran out from any other death. ``RLIMIT_AS`` counts addresses: a file
that is only mapped would count as used, and every process would have a budget of its own.
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
_LARGEST_PAGE = 2 << 20  # what the kernel may ask for at once, so that the limit is never quite reached
_MOUNTS = Path("/proc/self/mountinfo")
_MEMBERSHIPS = Path("/proc/self/cgroup")
_SWAPS = Path("/proc/swaps")


@dataclass(frozen=True)
class _Names:
    """What the files of a memory cgroup are called."""

    limit: str
    usage: str
    swap: str  # of version 1: memory and swap together
    swap_counts_memory: bool
    kills: tuple[str, str]  # file, and key in it
    most: str | None  # the most that was ever charged, in bytes
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
    """One memory cgroup, empty and without a limit at first; processes enter it by themselves.

    Memory is charged where its process is when a page is first touched, and stays charged there: what
    a process held before it entered is not counted, unless it makes the pages its own
    (`llm_claims.workloads.loading.resident.unshare_pages`). Pages of files are charged to whoever read them first.
    """

    def __init__(self, path: Path, names: _Names) -> None:
        self.path = path
        self._names = names

    @classmethod
    def make(cls, janitor: Janitor) -> Self:
        """Make a cgroup within this process's own, or, where that can have none, within the nearest above it.

        Raises
        ------
        OSError
            None can be made here: no rights, no memory controller, or swap that it could not bound.
        """
        fault = OSError("no memory controller is mounted")
        for parent, names in _places():
            path = janitor.cgroup(parent / f"llm-claims-{uuid.uuid4().hex[:12]}")
            try:
                _pass_on(parent)
                path.mkdir()
                if not (path / names.limit).exists():
                    raise OSError(f"{parent} passes no memory controller on")
                if not (path / names.swap).exists() and _has_swap():
                    raise OSError("this kernel has swap and does not bound it")
            except OSError as error:
                clear_cgroup(path)
                fault = error
            else:
                return cls(path, names)
        raise fault

    def enter(self) -> None:
        """Move the calling process here."""
        self._write("cgroup.procs", os.getpid())

    def limit(self, size: int) -> None:
        """Limit what all members together may hold, to ``size`` bytes rounded to whole pages; swap is no way out."""
        pages = round(size / _PAGE) * _PAGE
        self._write(self._names.limit, pages)
        if (self.path / self._names.swap).exists():
            self._write(self._names.swap, pages if self._names.swap_counts_memory else 0)

    @property
    def limit_bytes(self) -> int:
        """The limit that the kernel has in force.

        Raises
        ------
        ValueError
            There is none.
        """
        return int(self._read(self._names.limit))

    @property
    def usage_bytes(self) -> int:
        """What is charged now: anonymous memory, pages of files, and the kernel's own."""
        return int(self._read(self._names.usage))

    @property
    def kills(self) -> int:
        """How many members the kernel has killed for want of memory, here or in the machine as a whole."""
        return self._count(*self._names.kills)

    @property
    def ran_out(self) -> bool:
        """Whether the kernel killed a member, and this limit was reached: no other want of memory counts."""
        return self.kills > 0 and self._was_reached()

    @property
    def members(self) -> tuple[int, ...]:
        """The ids of the processes in here."""
        return tuple(int(line) for line in self._read("cgroup.procs").split())

    def close(self) -> None:
        """Kill what is left in here, and remove the cgroup."""
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


def _pass_on(parent: Path) -> None:
    """Have the root of a version 2 hierarchy pass its memory controller on, where nobody has asked for that yet."""
    switch = parent / "cgroup.subtree_control"
    if parent.is_mount() and switch.exists() and "memory" not in switch.read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):  # it has none, or is not the true root and has processes
            switch.write_text("+memory\n", encoding="ascii")


def _has_swap() -> bool:
    return len(_SWAPS.read_text(encoding="utf-8").splitlines()) > 1


def _places() -> Iterator[tuple[Path, _Names]]:
    """Folders in which a memory cgroup may be made, the best first.

    Within one's own cgroup every limit on this process holds on. Version 2 allows no memory cgroup
    below one that has processes, so there it is one further up.
    """
    memberships = [line.split(":", 2) for line in _MEMBERSHIPS.read_text(encoding="utf-8").splitlines()]
    for mount, root, controllers in _mounts():
        for _, named, member in memberships:
            if ("memory" in named.split(",")) if "memory" in controllers else (not named and not controllers):
                yield from ((place, _V1 if controllers else _V2) for place in _upwards(mount, root, member))


def _mounts() -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """Mount point, root and controllers of each mounted hierarchy; version 2 has no controllers here."""
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
    # A namespace shows what lies outside it as "..": then the mount point is the nearest that can be seen.
    if ".." in inner.parts or not place.is_dir():
        place = mount
    yield place
    while place != mount:
        place = place.parent
        yield place


@lru_cache(maxsize=1)
def missing() -> str | None:
    """Say why no memory can be capped here, or return ``None``; found out by capping a small process to death."""
    try:
        killed = _kill_one()
    except (OSError, ValueError, KeyError):
        return NEEDED
    return None if killed else NEEDED


_GREEDY = """
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
bytearray(b"x") * (64 << 20)
"""


def _kill_one() -> bool:
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

"""Resident memory of processes, read from ``/proc``."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MADV_POPULATE_WRITE = 23
_PAGEMAP_ENTRY_BYTES = 8
_PRESENT, _OF_A_FILE = 1 << 63, 1 << 61


def anonymous_bytes(pid: int) -> int:
    """Return the resident anonymous memory of a process, in bytes; 0 if it has ended.

    Anonymous memory has no file behind it: heaps, stacks, copied tensors. Pages of mapped files do not count,
    because the kernel can drop them and read them again. A page that a fork shares with its parent counts for both.
    """
    try:
        # Not with pathlib, which interns each part of a path: this is called hundreds of times a second.
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            # A zombie has no such line.
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def available_bytes() -> int:
    """Return the memory that is available to new processes on this machine, in bytes."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def unshare_pages() -> None:
    """Copy every writable page that this fork still shares with its parent.

    A page is charged to the cgroup that its process was in when it was allocated. A fork that moves to another
    cgroup is charged there for a shared page only when it writes to it, which may happen at any later time. After
    this call all of them are charged, as if the process had been started there and not forked.

    Raises
    ------
    OSError
        The kernel cannot do it (Linux before 5.14).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, length in _resident_ranges():
        # Copies shared pages and keeps their contents, so it is safe on memory in use.
        if libc.madvise(start, length, _MADV_POPULATE_WRITE):
            code = ctypes.get_errno()
            raise OSError(code, f"MADV_POPULATE_WRITE: {os.strerror(code)}")


def _resident_ranges() -> Iterator[tuple[int, int]]:
    """Yield address and length of each range of resident anonymous pages in writable private mappings.

    Reserved pages that were never touched are left out: populating them would make them resident.
    """
    import numpy as np

    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for fields in (line.split(maxsplit=2) for line in maps):
            if not fields[1].startswith("rw-p"):
                continue
            first, end = (int(address, 16) // _PAGE for address in fields[0].split("-"))
            raw = os.pread(pagemap.fileno(), (end - first) * _PAGEMAP_ENTRY_BYTES, first * _PAGEMAP_ENTRY_BYTES)
            entries = np.frombuffer(raw, np.uint64)
            held = (entries & np.uint64(_PRESENT) != 0) & (entries & np.uint64(_OF_A_FILE) == 0)
            edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0)).tolist()
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                yield (first + start) * _PAGE, (stop - start) * _PAGE

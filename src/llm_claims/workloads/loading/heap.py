"""A process that holds memory and does nothing else.

It is run by its path and without the package, so that it takes little memory beyond what it holds. Its arguments
are a number of bytes and, to enter a cgroup, the path of its ``cgroup.procs``. It prints ``ready``, waits for a
line, touches every page, prints ``holding``, and ends when its input ends.
"""

from __future__ import annotations

import mmap
import os
import sys


def main() -> int:
    """Hold memory until the input ends; return the exit status."""
    size, procs = int(sys.argv[1]), sys.argv[2:]
    for path in procs:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    print("ready", flush=True)
    if not sys.stdin.readline():
        return 0
    # Private, because shared memory would be counted as pages of a file.
    heap = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for place in range(0, size, mmap.PAGESIZE):
        heap[place] = 1
    print("holding", flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

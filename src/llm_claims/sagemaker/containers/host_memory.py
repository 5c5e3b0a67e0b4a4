"""Reads how often the kernel killed a process because memory ran out. Python 3.8 syntax."""

from __future__ import annotations

# Counters of the control group (version 2, version 1), and of the whole host (proc(5): vmstat).
_COUNTERS: tuple[str, ...] = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/proc/vmstat",
)


def kills_for_memory(counters: tuple[str, ...] = _COUNTERS) -> int:
    """Return how many processes the kernel killed because memory ran out: the highest counter, or 0 without any."""
    return max((_oom_kills_in(path) for path in counters), default=0)


def _oom_kills_in(path: str) -> int:
    """Return the value in the line ``oom_kill VALUE`` of a file; 0 if it has none or cannot be read."""
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    except (OSError, ValueError):
        pass
    return 0

"""What the kernel says of the host's memory. Python 3.8 syntax."""

from __future__ import annotations

# Of the control group in its two versions, and of the whole host (proc(5): vmstat).
_COUNTERS: tuple[str, ...] = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/proc/vmstat",
)


def kills_for_memory(counters: tuple[str, ...] = _COUNTERS) -> int:
    """Return the highest of the kernel's counts of processes killed for want of memory; 0 where it tells none."""
    return max((_count(path) for path in counters), default=0)


def _count(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    except (OSError, ValueError):
        pass
    return 0

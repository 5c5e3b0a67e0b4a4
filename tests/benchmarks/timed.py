"""Runs a command and prints its exit status, wall time and peak memory as JSON.

A process of its own, and a small one: the peak that Linux accounts to a child is never below that of whoever
started it, so a test runner that has grown large cannot measure a small child.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main(command: list[str]) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    quiet = [(os.POSIX_SPAWN_DUP2, nothing, 1), (os.POSIX_SPAWN_DUP2, nothing, 2)]
    started = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    kilobytes = used.ru_maxrss / (1 if sys.platform == "linux" else 1024)
    cost = {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "megabytes": kilobytes / 1024,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1:])

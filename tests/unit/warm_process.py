"""A process that has imported what training needs, and runs each order in a fork of itself: see `warm`.

An order is one line of JSON: the code to run, the files that shall be the fork's standard input, output
and error, changes of its environment, and the name that it and all its forks go by. The id of the
fork is the answer.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

PR_SET_NAME = 15
MODES = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def live(order: dict[str, Any]) -> NoReturn:
    """Be the fork: as if the code were a program that has just been started."""
    status = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_NAME, order["name"].encode())
        for number, mode in enumerate(MODES):
            file = os.open(order["files"][number], mode)
            os.dup2(file, number)
            os.close(file)
        os.environ.update(order["environment"])
        tempfile.tempdir = None
        exec(compile(order["code"], "<order>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
        print(end, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Take orders until the input ends."""
    from llm_claims.workloads.training import program as train

    folder = Path(tempfile.gettempdir())
    train.prepare_environment(folder, "cpu")
    train.set_up(folder)
    import pytest  # noqa: F401

    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            live(json.loads(line))
        print(pid, flush=True)


if __name__ == "__main__":
    main()

"""A container: one process tree here, which cannot outlive the emulator."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.emulator.sandbox import Sandbox

_GUARD = Path(__file__).with_name("guard.py")


def base_environment(url: str, region: str) -> dict[str, str]:
    """What every container's environment has: this Python first on the path, and the emulator as AWS."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "HOME": os.environ.get("HOME", "/tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "emulated-container",
        "AWS_SECRET_ACCESS_KEY": "emulated-container",
    }


class Container:
    """Started at once; `on_line` gets each line of its output, from a thread."""

    def __init__(
        self, sandbox: Sandbox, argv: list[str], environment: Mapping[str, str], on_line: Callable[[str], None]
    ) -> None:
        if notice := sandbox.notice():
            on_line(notice)
        # Beside /opt/ml: whoever is killed in it, with whoever would clear up after it, leaves nothing on this machine.
        temporary = sandbox.root.with_name(f"{sandbox.root.name}.tmp")
        temporary.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), *sandbox.command(argv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**environment, "TMPDIR": str(temporary)},
            cwd=sandbox.root,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(on_line,), daemon=True)
        self._reader.start()

    def _read(self, on_line: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            on_line(line.decode(errors="replace").rstrip("\n"))

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        self._tell(b"T")

    def kill(self) -> None:
        """End it and all it started, and wait until that is done."""
        self._tell(b"K")
        self._process.wait()
        self.drain()

    def drain(self) -> None:
        """Wait until its last line has been read."""
        self._reader.join()

    def _tell(self, order: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), order)

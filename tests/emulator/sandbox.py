"""A container's view of the machine: /opt/ml is a folder of its own, and the hosts of its job have names."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_ENTER = 'mount --bind "$1" /opt/ml && mount --bind "$2" /etc/hosts && hostname "$3" && shift 3 && exec "$@"'


@functools.cache
def _unshare() -> tuple[tuple[str, ...], str]:
    """The command that gives a private mount namespace, or none and the reason."""
    if os.geteuid() == 0:
        Path("/opt/ml").mkdir(parents=True, exist_ok=True)
    ways: list[tuple[str, ...]] = [("unshare", "-m", "-u", "--propagation", "private")]
    ways.append((*ways[0], "-r"))
    reason = "unshare is not there"
    for way in ways:
        try:
            probe = [*way, "sh", "-c", _ENTER, "sh", "/tmp", "/etc/hosts", "algo-1", "true"]
            done = subprocess.run(probe, capture_output=True, text=True, timeout=10, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return way, ""
        reason = done.stderr.strip()
    return (), reason


@dataclass(frozen=True)
class Sandbox:
    """One host of one container. `root` is what it sees as /opt/ml."""

    root: Path
    host: str
    hosts: tuple[str, ...]
    namespaces: bool = True

    def command(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside. Without namespaces, the folder's own path stands for /opt/ml."""
        way = self._way()
        if not way:
            self._rewrite_scripts()
            return [part.replace("/opt/ml", str(self.root)) for part in argv]
        names = self.root.parent / f"{self.root.name}.hosts"
        rows = ["127.0.0.1 localhost", *(f"127.0.0.{n} {host}" for n, host in enumerate(self.hosts, start=1))]
        names.write_text("\n".join(rows) + "\n")
        return [*way, "sh", "-c", _ENTER, "sh", str(self.root), str(names), self.host, *argv]

    def notice(self) -> str | None:
        """What the log should say about what is missing here."""
        if self._way():
            return None
        why = _unshare()[1] if self.namespaces else "switched off"
        return f"emulator: no private mount namespace here ({why}): /opt/ml in commands and scripts means {self.root}"

    def _way(self) -> tuple[str, ...]:
        return _unshare()[0] if self.namespaces else ()

    def _rewrite_scripts(self) -> None:
        for path in (self.root / "input" / "data").rglob("*"):
            if path.is_file() and path.suffix in (".sh", ".py"):
                text = path.read_text(errors="surrogateescape")
                path.write_text(text.replace("/opt/ml", str(self.root)), errors="surrogateescape")

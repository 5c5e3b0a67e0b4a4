"""Choose the transport of NCCL's messages between GPUs, and read from NCCL's log which one it used."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

# NCCL prefers p2p to shm and shm to the network, unless disabled (its documentation, environment variables).
_POINT_TO_POINT = {"NCCL_NVLS_ENABLE": "0"}
"""NVLink SHARP reduces in the switch even if other transports are disabled, and is none between two GPUs."""
_DISABLED: dict[str, dict[str, str]] = {
    "p2p": _POINT_TO_POINT,
    "shm": {"NCCL_P2P_DISABLE": "1", **_POINT_TO_POINT},
    # The threads and sockets that NCCL recommends for networks of 100 Gbit/s.
    "socket": {
        "NCCL_P2P_DISABLE": "1",
        "NCCL_SHM_DISABLE": "1",
        "NCCL_NET": "Socket",
        "NCCL_SOCKET_NTHREADS": "4",
        "NCCL_NSOCKS_PERTHREAD": "4",
        **_POINT_TO_POINT,
    },
}
_OURS = {name for settings in _DISABLED.values() for name in settings} - set(_POINT_TO_POINT)
# "Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM", "via SHM/direct/direct", "[send] via NET/Socket/0"
_VIA = re.compile(r"Channel \d+.* via (P2P|SHM|NET/\w+)")
_NAMES = {"P2P": "p2p", "SHM": "shm", "NET/Socket": "socket"}


def request_transport(transport: str | None, folder: Path) -> None:
    """Set this rank's environment so that NCCL uses a transport and logs to ``folder``; call it before NCCL starts."""
    for name in _OURS:
        os.environ.pop(name, None)
    os.environ.update(_DISABLED.get(transport or "", {}))
    os.environ.update(NCCL_DEBUG="INFO", NCCL_DEBUG_SUBSYS="INIT,NET,P2P,SHM", NCCL_DEBUG_FILE=str(_log_path(folder)))


def seen(folder: Path) -> set[str]:
    """Return the transports of all channels that NCCL has logged for this rank."""
    try:
        text = _log_path(folder).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return {_NAMES.get(word, word) for word in _VIA.findall(text)}


def print_logs(folder: Path) -> None:
    """Copy NCCL's logs of the ranks on this machine to standard error, and so to the log of a job."""
    for path in sorted(folder.glob("nccl-*.txt")):
        with contextlib.suppress(OSError):
            sys.stderr.write(path.read_text(encoding="utf-8", errors="replace"))
    sys.stderr.flush()


def _log_path(folder: Path) -> Path:
    return folder / f"nccl-{os.getpid()}.txt"

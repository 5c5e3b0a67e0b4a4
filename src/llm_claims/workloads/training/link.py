"""A network link of a chosen rate between two processes of one Linux machine: the interconnect of a small cluster.

Each process moves into a network namespace of its own with `enter_namespace`; then their parent or one of them
calls `join`. The namespaces have no names, and no interface is made in the namespace of the machine, so the kernel
removes everything when the two processes end in any way. When the first of them ends, the link and its counters
disappear for the other too: read the counters before.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import shlex
import shutil
import subprocess
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic, sleep

INTERFACE = "link0"
ADDRESSES = ("10.99.0.1", "10.99.0.2")

_PREFIX_BITS = 30
_COMMAND_SECONDS = 10.0
_UP_SECONDS = 10.0
_CLONE_NEWNET = 0x40000000
_NO_NAMESPACES = "needs network namespaces (root)"
_PACKAGES = {"ip": "iproute2", "tc": "iproute2", "nsenter": "util-linux", "unshare": "util-linux"}

# TCP hands whole buffers of 64 KiB down to the interface, which on real hardware cuts them into frames. The
# shaper counts such a buffer as its 45 frames, each with up to 66 bytes of headers.
_LARGEST_PACKET = 65_536 + 45 * 66
# How often the shaper wakes if timers have only tick resolution; most kernels tick 250 times a second or more.
_TICKS_PER_SECOND = 250
# Mbit/s. Far below it, the time of a burst overflows in tc, which then silently sets another rate.
_SLOWEST = 0.01
# How long a packet may wait in the queue. A shorter queue would drop packets.
_LATENCY = "50ms"


class LinkError(RuntimeError):
    """A link cannot be made or read; the text has the command that failed and the last line of its errors."""


@dataclass(frozen=True)
class LinkState:
    """The state of this end of the link, as the kernel reports it.

    Parameters
    ----------
    mbit_per_second
        The limit of the outgoing rate, headers included; ``None`` if there is none, or no link.
    sent_bytes, received_bytes
        Everything transferred since the link was made: payload, headers, and a few packets of the kernel's own.
        A buffer that was transferred without being cut into frames counts its headers once.
    """

    mbit_per_second: float | None
    sent_bytes: int
    received_bytes: int


@lru_cache(maxsize=1)
def missing() -> str | None:
    """Return why this machine cannot have a link, as a message for users, or ``None`` if it can.

    Each thing that a link needs is tried in a temporary namespace.
    """
    if os.geteuid() != 0:
        return _NO_NAMESPACES
    path = _environment()["PATH"]
    absent = [name for name in _PACKAGES if shutil.which(name, path=path) is None]
    if absent:
        return f"needs {' and '.join(f'{name} ({_PACKAGES[name]})' for name in absent)}"
    # Root in a container is often not permitted to make namespaces, which only a trial shows.
    if not _works("true"):
        return _NO_NAMESPACES
    if not _works(f"ip link add name {INTERFACE} type veth peer name peer"):
        return "needs a kernel with virtual Ethernet pairs (veth)"
    if not _works("tc qdisc add dev lo root tbf rate 1mbit burst 64kb latency 50ms"):
        return "needs a kernel with the token bucket filter (tbf)"
    if not _works("tc qdisc add dev lo root tbf rate 1mbit burst 64kb latency 50ms && tc -j qdisc show dev lo", 1.0):
        return "needs an iproute2 whose tc reports the rate of a tbf as JSON"
    return None


def enter_namespace() -> None:
    """Move this process into a new, anonymous network namespace, and bring ``lo`` up there.

    Call it before threads and sockets are made: existing ones stay in the old namespace.

    Raises
    ------
    LinkError
        It is not permitted, or this is not the main thread, whose namespace counts as that of the process.
    """
    if threading.get_native_id() != os.getpid():
        raise LinkError("only the main thread can move its process into a network namespace")
    # os.unshare came with Python 3.12.
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise LinkError(f"unshare(CLONE_NEWNET): {os.strerror(ctypes.get_errno())}")
    _run("ip", "link", "set", "dev", "lo", "up")


def join(first: int, second: int, mbit_per_second: float) -> None:
    """Connect two processes, each in a namespace of its own, by a link with this rate in both directions.

    ``first`` and ``second`` are process ids; afterwards each process has `INTERFACE`, with `ADDRESSES` in this
    order, ready to carry traffic. After a pause the shaper lets a burst pass at full speed: at most 0.2 MB, and above
    275 Mbit/s the traffic of 4 ms and 0.07 MB. A timed transfer should be many times larger.

    Raises
    ------
    LinkError
        A process has ended or is not in a namespace of its own, or a command failed. What was made until
        then disappears with the processes.
    ValueError
        The rate is not a finite number, or too low for the shaper.
    """
    if not _SLOWEST <= mbit_per_second < math.inf:
        raise ValueError(f"a link has a rate of {_SLOWEST} Mbit/s or more, not {mbit_per_second}")
    _check_apart(first, second)
    _run_in(first, *f"ip link add name {INTERFACE} type veth peer name {INTERFACE} netns {second}".split())
    rate = round(mbit_per_second * 1e6)
    shape = f"tbf rate {rate}bit burst {_burst_bytes(rate)} latency {_LATENCY}"
    # The rate is set before the interface is up, so that nothing is sent at another rate.
    for pid, address in zip((first, second), ADDRESSES, strict=True):
        _run_in(pid, *f"ip address add {address}/{_PREFIX_BITS} dev {INTERFACE}".split())
        _run_in(pid, *f"tc qdisc add dev {INTERFACE} root {shape}".split())
    for pid in (first, second):
        _run_in(pid, *f"ip link set dev {INTERFACE} up".split())
    deadline = monotonic() + _UP_SECONDS
    for pid in (first, second):
        _await_up(pid, deadline)


def observed() -> LinkState:
    """Return the state of the link in this process's namespace, as the kernel has it now.

    Raises
    ------
    LinkError
        The rate cannot be read.
    """
    # /proc shows the namespace of the reading thread, which the tc command below inherits; /sys may show another.
    for line in Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == INTERFACE:
            received, sent = (int(figures.split()[place]) for place in (0, 8))
            return LinkState(_rate_in(_run("tc", "-j", "qdisc", "show", "dev", INTERFACE)), sent, received)
    return LinkState(None, 0, 0)


def _burst_bytes(bits_per_second: int) -> int:
    """Return the size of the shaper's token bucket, the most that may pass at once, in bytes.

    It must hold the largest packet: larger ones would be cut into frames, which costs so much processor time that fast
    links do not reach their rate. It must also hold what becomes due while the shaper sleeps until a late timer, or
    that is lost: the traffic of one tick, or on slow links two more packets.
    """
    per_tick = math.ceil(bits_per_second / 8 / _TICKS_PER_SECOND)
    return _LARGEST_PACKET + max(per_tick, 2 * _LARGEST_PACKET)


def _check_apart(first: int, second: int) -> None:
    """Raise unless both processes have namespaces of their own, so that no interface is made in another's."""
    ends = {pid: _namespace(pid) for pid in (first, second)}
    if len(set(ends.values())) < 2:
        raise LinkError(
            f"processes {first} and {second} are in the same network namespace: each has to enter its own first"
        )
    # If this process is one of the two, compare with its parent's namespace, which it has to have left.
    elsewhere = os.getppid() if os.getpid() in ends else os.getpid()
    try:
        shared = _namespace(elsewhere)
    except LinkError:  # not permitted for every parent
        return
    for pid, namespace in ends.items():
        if namespace == shared:
            raise LinkError(f"process {pid} shares its network namespace with others: it has to enter its own first")


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError as error:
        raise LinkError(
            f"the network namespace of process {pid} cannot be read, it may have ended: {error.strerror}"
        ) from None


def _await_up(pid: int, deadline: float) -> None:
    """Wait until the interface carries traffic.

    The kernel starts its queue a moment after it is up. A packet sent before that is lost, and TCP
    retransmits its first packet only after a second.
    """
    show = ("ip", "-j", "link", "show", "dev", INTERFACE)
    while json.loads(_run_in(pid, *show))[0]["operstate"] != "UP":
        if monotonic() > deadline:
            raise LinkError(f"{shlex.join(show)}: not up in process {pid} after {_UP_SECONDS:g} s")
        sleep(0.005)


def _rate_in(listing: str) -> float | None:
    """Return the rate of the shaper in Mbit/s from the output of ``tc -j qdisc show``; ``None`` if there is none."""
    try:
        for qdisc in json.loads(listing):
            if qdisc["kind"] == "tbf" and qdisc.get("root"):
                return float(qdisc["options"]["rate"]) * 8 / 1e6  # from bytes a second
    except (ValueError, KeyError, TypeError) as error:
        raise LinkError(f"tc -j qdisc show: {error!r} in {listing.strip()!r}") from None
    return None


def _works(script: str, rate: float | None = None) -> bool:
    """Whether a shell script succeeds in a new namespace and, if ``rate`` is given, prints a shaper of that Mbit/s."""
    try:
        said = _run("unshare", "--net", "sh", "-c", script)
        return rate is None or _rate_in(said) == rate
    except LinkError:
        return False


def _run_in(pid: int, *command: str) -> str:
    return _run("nsenter", f"--net=/proc/{pid}/ns/net", *command)


def _run(*command: str) -> str:
    """Run a command and return its output, or raise `LinkError` with the last line of its errors."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_COMMAND_SECONDS,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise LinkError(f"{shlex.join(command)}: still running after {_COMMAND_SECONDS:g} s") from None
    except OSError as error:
        raise LinkError(f"{shlex.join(command)}: {error.strerror}") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        raise LinkError(f"{shlex.join(command)}: {lines[-1].strip()}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Return the environment of commands: messages in English, and a PATH that includes the sbin folders."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "LC_ALL": "C", "PATH": os.pathsep.join((path, "/usr/sbin", "/sbin"))}

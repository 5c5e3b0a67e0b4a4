"""A network link of a chosen rate between two processes of one Linux machine: the interconnect of a small cluster.

Each process moves into a network namespace of its own with `enter_namespace`; whoever may, their parent
or one of them, then calls `join`. Neither namespace has a name and no interface is ever made in the
namespace of the machine, so that the kernel removes everything with the two processes, however they die.
The first to end takes the link away from the other, with its counters: look at them before.
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
# shaper charges them as the frames they stand for: 45 of them, each with up to 66 bytes of headers.
_LARGEST_PACKET = 65_536 + 45 * 66
# Where timers are no finer than the tick, the shaper wakes this often; most kernels tick 250 times a second or more.
_TICKS_PER_SECOND = 250
# Mbit/s. Far below, the time that a burst takes overflows in tc, which then shapes to something else and says nothing.
_SLOWEST = 0.01
# How long a packet may wait for its turn. TCP keeps little waiting by itself, so a shorter queue would only drop.
_LATENCY = "50ms"


class LinkError(RuntimeError):
    """A link that cannot be made or read; the text has the command that failed and the last line of its errors."""


@dataclass(frozen=True)
class LinkState:
    """What the kernel says of this end of the link.

    Parameters
    ----------
    mbit_per_second
        The rate in force on what leaves here, headers included; ``None`` if nothing shapes it or there is no link.
    sent_bytes, received_bytes
        All that crossed the link since it was made: payload, headers, and the kernel's own few packets. A buffer
        that crossed uncut counts its headers once.
    """

    mbit_per_second: float | None
    sent_bytes: int
    received_bytes: int


@lru_cache(maxsize=1)
def missing() -> str | None:
    """Return why this machine cannot have a link, in words for a person, or ``None`` if it can.

    What a link needs is tried, in namespaces that end with the trial.
    """
    if os.geteuid() != 0:
        return _NO_NAMESPACES
    path = _environment()["PATH"]
    absent = [name for name in _PACKAGES if shutil.which(name, path=path) is None]
    if absent:
        return f"needs {' and '.join(f'{name} ({_PACKAGES[name]})' for name in absent)}"
    # Root in a container is often not allowed to, and only trying tells.
    if not _works("true"):
        return _NO_NAMESPACES
    if not _works(f"ip link add name {INTERFACE} type veth peer name peer"):
        return "needs a kernel with virtual Ethernet pairs (veth)"
    if not _works("tc qdisc add dev lo root tbf rate 1mbit burst 64kb latency 50ms"):
        return "needs a kernel with the token bucket filter (tbf)"
    if not _works("tc qdisc add dev lo root tbf rate 1mbit burst 64kb latency 50ms && tc -j qdisc show dev lo", 1.0):
        return "needs an iproute2 whose tc tells the rate of a tbf as JSON"
    return None


def enter_namespace() -> None:
    """Move this process into a new, anonymous network namespace, and bring ``lo`` up there.

    Call it before threads and sockets are made: those that exist already stay where they are.

    Raises
    ------
    LinkError
        It is not permitted, or this is not the main thread, which alone stands for its process.
    """
    if threading.get_native_id() != os.getpid():
        raise LinkError("only the main thread can take its process into a network namespace")
    # os.unshare came with Python 3.12.
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise LinkError(f"unshare(CLONE_NEWNET): {os.strerror(ctypes.get_errno())}")
    _run("ip", "link", "set", "dev", "lo", "up")


def join(first: int, second: int, mbit_per_second: float) -> None:
    """Link two processes that are each in a namespace of their own; both directions get the rate given.

    ``first`` and ``second`` are process ids; the processes have `INTERFACE` then, with `ADDRESSES` in this
    order, and it carries traffic when this function returns. After a pause, what the shaper has saved up meanwhile
    passes unhindered: 0.2 MB at most, and above 275 Mbit/s the traffic of 4 ms and 0.07 MB. What is to be
    timed should send many times that.

    Raises
    ------
    LinkError
        A process is gone or in no namespace of its own, or a command failed. What was made until
        then ends with the processes.
    ValueError
        The rate is not a finite number, or too low for the shaper.
    """
    if not _SLOWEST <= mbit_per_second < math.inf:
        raise ValueError(f"a link has a rate of {_SLOWEST} Mbit/s or more, not {mbit_per_second}")
    _check_apart(first, second)
    _run_in(first, *f"ip link add name {INTERFACE} type veth peer name {INTERFACE} netns {second}".split())
    rate = round(mbit_per_second * 1e6)
    shape = f"tbf rate {rate}bit burst {_burst_bytes(rate)} latency {_LATENCY}"
    # Shaped before it is up: nothing gets across at another rate.
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
    # Unlike /sys, /proc shows the namespace of the reader; that of the thread, as the command below sees it.
    for line in Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == INTERFACE:
            received, sent = (int(figures.split()[place]) for place in (0, 8))
            return LinkState(_rate_in(_run("tc", "-j", "qdisc", "show", "dev", INTERFACE)), sent, received)
    return LinkState(None, 0, 0)


def _burst_bytes(bits_per_second: int) -> int:
    """Return how much may pass at once, in bytes.

    The shaper saves up no more than this while it waits. A packet larger than it would be cut into frames, at a cost
    in processor time that keeps fast links from their rate. Beyond one such packet, whatever falls due while
    a late timer keeps the shaper asleep must fit too, or is lost: a tick, and on slow links two packets more.
    """
    per_tick = math.ceil(bits_per_second / 8 / _TICKS_PER_SECOND)
    return _LARGEST_PACKET + max(per_tick, 2 * _LARGEST_PACKET)


def _check_apart(first: int, second: int) -> None:
    """Refuse processes with no namespaces of their own, before an interface is made where it does not belong."""
    ends = {pid: _namespace(pid) for pid in (first, second)}
    if len(set(ends.values())) < 2:
        raise LinkError(f"processes {first} and {second} are in one network namespace: there is nothing to link")
    # An end that calls for itself has left its parent's namespace.
    elsewhere = os.getppid() if os.getpid() in ends else os.getpid()
    try:
        shared = _namespace(elsewhere)
    except LinkError:  # not every parent lets itself be looked at
        return
    for pid, namespace in ends.items():
        if namespace == shared:
            raise LinkError(f"process {pid} is in the network namespace of others: it has to enter its own first")


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError as error:
        raise LinkError(f"process {pid} has no network namespace, it may be gone: {error.strerror}") from None


def _await_up(pid: int, deadline: float) -> None:
    """Wait until the interface carries traffic.

    The kernel starts its queue a moment after it is up. A packet sent before that is lost, and TCP
    takes a second to send its first packet again.
    """
    show = ("ip", "-j", "link", "show", "dev", INTERFACE)
    while json.loads(_run_in(pid, *show))[0]["operstate"] != "UP":
        if monotonic() > deadline:
            raise LinkError(f"{shlex.join(show)}: not up in process {pid} after {_UP_SECONDS:g} s")
        sleep(0.005)


def _rate_in(listing: str) -> float | None:
    """Return the Mbit/s of the shaper in what ``tc -j qdisc show`` lists, if one is in force."""
    try:
        for qdisc in json.loads(listing):
            if qdisc["kind"] == "tbf" and qdisc.get("root"):
                return float(qdisc["options"]["rate"]) * 8 / 1e6  # from bytes a second
    except (ValueError, KeyError, TypeError) as error:
        raise LinkError(f"tc -j qdisc show: {error!r} in {listing.strip()!r}") from None
    return None


def _works(script: str, rate: float | None = None) -> bool:
    """Whether a shell in a new namespace can do this, and has told of a shaper of ``rate`` Mbit/s, if that is given."""
    try:
        said = _run("unshare", "--net", "sh", "-c", script)
        return rate is None or _rate_in(said) == rate
    except LinkError:
        return False


def _run_in(pid: int, *command: str) -> str:
    return _run("nsenter", f"--net=/proc/{pid}/ns/net", *command)


def _run(*command: str) -> str:
    """Run a command and return what it said, or raise `LinkError` with the last line of its errors."""
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
        raise LinkError(f"{shlex.join(command)}: no end after {_COMMAND_SECONDS:g} s") from None
    except OSError as error:
        raise LinkError(f"{shlex.join(command)}: {error.strerror}") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
        raise LinkError(f"{shlex.join(command)}: {lines[-1].strip()}")
    return done.stdout


def _environment() -> dict[str, str]:
    """What commands run with: messages in one language, and the folders that root's own PATH need not have."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "LC_ALL": "C", "PATH": os.pathsep.join((path, "/usr/sbin", "/sbin"))}

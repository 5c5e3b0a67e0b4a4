"""The link between two processes: as fast as it was asked to be, counted, and gone with them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from llm_claims.workloads.training import link

RATES = (100.0, 400.0)
needs_link = pytest.mark.skipif(link.missing() is not None, reason=str(link.missing()))

# A parent with two forks, each in a namespace of its own; what each of them does comes before this.
FORKS = """
def forked(work):
    told, tell = os.pipe()
    heard, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # Its parent alone holds the other ends: when that is gone, so is this.
            os.close(tell)
            os.close(heard)
            link.enter_namespace()
            alone = link.observed()
            os.write(say, b"entered\\n")
            if os.read(told, 1):
                os.write(say, json.dumps({"alone": asdict(alone), **work()}).encode() + b"\\n")
                os.read(told, 1)  # the link lasts as long as both do
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(told)
    os.close(say)
    heard = os.fdopen(heard)
    assert heard.readline() == "entered\\n"
    return pid, tell, heard

def run(rate, *works):
    ends = [forked(work) for work in works]
    start = time.perf_counter()
    link.join(ends[0][0], ends[1][0], rate)
    seconds = time.perf_counter() - start
    for _, tell, _ in ends:
        os.write(tell, b".")
    first, second = (json.loads(heard.readline()) for _, _, heard in ends)
    for _, tell, heard in ends:
        os.close(tell)
        heard.close()
    for pid, _, _ in ends:
        os.waitpid(pid, 0)
    return {"join_seconds": seconds, "first": first, "second": second}
"""

TRANSFER = f"""
import json, os, socket, subprocess, sys, time, traceback
from dataclasses import asdict
from llm_claims.workloads.training import link
{FORKS}
SECONDS, SKIPPED = 1.2, 0.2  # what the shaper has saved up is gone after the latter

def receive():
    before = link.observed()
    with socket.create_server((link.ADDRESSES[0], 5000)) as server:
        server.settimeout(20)
        connection, _ = server.accept()
        start = time.perf_counter()
        size, mark = 0, None
        while data := connection.recv(1 << 20):
            size, now = size + len(data), time.perf_counter()
            if mark is None and now - start > SKIPPED:
                mark = now, size
        connection.sendall(b".")
    mbit = (size - mark[1]) * 8 / (now - mark[0]) / 1e6
    return {{"before": asdict(before), "after": asdict(link.observed()), "size": size, "mbit": mbit}}

def send():
    before = link.observed()
    start = time.perf_counter()
    while True:
        try:
            connection = socket.create_connection((link.ADDRESSES[0], 5000), timeout=20)
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    start, data = time.perf_counter(), bytes(1 << 16)
    while time.perf_counter() - start < SECONDS:
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)
    after = link.observed()
    subprocess.run(["tc", "qdisc", "del", "dev", link.INTERFACE, "root"], check=True)
    return {{"before": asdict(before), "after": asdict(after), "unshaped": asdict(link.observed())}}

for rate in map(float, sys.argv[1:]):
    for trial in range(3):  # others use this machine too
        done = run(rate, receive, send)
        if 0.8 * rate <= done["first"]["mbit"] <= 1.1 * rate:
            break
    print(json.dumps(done), flush=True)
"""

# One process that enters when it is told to, says what it was told to say, and stays until its input ends.
STAY = """
import sys
from llm_claims.workloads.training import link
if "enter" in sys.argv:
    link.enter_namespace()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def transfers() -> dict[float, Any]:
    """What two forked processes saw of a transfer, at each rate."""
    command = [sys.executable, "-c", TRANSFER, *map(str, RATES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(zip(RATES, map(json.loads, done.stdout.splitlines()), strict=True))


@contextmanager
def staying(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", STAY, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def interfaces(namespace: int | None = None) -> list[str]:
    """The names of the interfaces in this namespace, or in that of a descriptor."""
    inside = [] if namespace is None else ["nsenter", f"--net=/proc/self/fd/{namespace}"]
    command = [*inside, "ip", "-j", "link", "show"]
    passed = [] if namespace is None else [namespace]
    listing = subprocess.run(command, pass_fds=passed, capture_output=True, text=True, check=True, timeout=10)
    return sorted(interface["ifname"] for interface in json.loads(listing.stdout))


def network_namespaces() -> set[str]:
    found = set()
    for place in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(place))
        except OSError:  # gone meanwhile
            continue
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    """The kernel clears a namespace away in its own time."""
    deadline = monotonic() + 10
    while not condition() and monotonic() < deadline:
        sleep(0.02)
    return condition()


def said_by(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_link
@pytest.mark.parametrize("rate", RATES)
def test_tcp_gets_the_rate_less_its_headers(transfers: dict[float, Any], rate: float) -> None:
    assert 0.8 * rate <= transfers[rate]["first"]["mbit"] <= 1.1 * rate


@needs_link
@pytest.mark.parametrize("rate", RATES)
def test_both_ends_read_the_rate_back(transfers: dict[float, Any], rate: float) -> None:
    for end in ("first", "second"):
        assert transfers[rate][end]["before"]["mbit_per_second"] == rate
        assert transfers[rate][end]["after"]["mbit_per_second"] == rate


@needs_link
def test_there_is_no_rate_without_a_link_or_a_shaper(transfers: dict[float, Any]) -> None:
    done = transfers[RATES[0]]
    nothing = {"mbit_per_second": None, "sent_bytes": 0, "received_bytes": 0}
    assert done["first"]["alone"] == done["second"]["alone"] == nothing
    assert done["second"]["unshaped"]["mbit_per_second"] is None
    assert done["second"]["unshaped"]["sent_bytes"] >= done["second"]["after"]["sent_bytes"]


@needs_link
@pytest.mark.parametrize("rate", RATES)
def test_the_counters_have_what_crossed(transfers: dict[float, Any], rate: float) -> None:
    receiver, sender = transfers[rate]["first"], transfers[rate]["second"]
    size = receiver["size"]
    received = receiver["after"]["received_bytes"] - receiver["before"]["received_bytes"]
    sent = sender["after"]["sent_bytes"] - sender["before"]["sent_bytes"]
    assert size <= received <= 1.1 * size
    # Not all of it need have crossed when the first of them looked, nor had nothing crossed before.
    assert sent == pytest.approx(received, rel=0.01)
    for quiet in (receiver["after"]["sent_bytes"], sender["after"]["received_bytes"]):
        assert 0 < quiet < 0.1 * size


@needs_link
def test_nothing_is_left_of_processes_that_were_killed() -> None:
    before = interfaces()
    with staying("enter") as first, staying("enter") as second, open(f"/proc/{first.pid}/ns/net") as kept:
        link.join(first.pid, second.pid, 1000)
        theirs = {os.readlink(f"/proc/{process.pid}/ns/net") for process in (first, second)}
        assert len(theirs & network_namespaces()) == 2
        assert interfaces() == before
        assert link.INTERFACE in interfaces(kept.fileno())
        for process in (first, second):
            os.kill(process.pid, signal.SIGKILL)
        # This test holds one of the namespaces; the link goes all the same, with the other.
        assert eventually(lambda: link.INTERFACE not in interfaces(kept.fileno()))
    assert eventually(lambda: not theirs & network_namespaces())
    assert interfaces() == before


@needs_link
def test_an_end_may_call_for_itself() -> None:
    program = """
import os, signal
from llm_claims.workloads.training import link
heard, say = os.pipe()
other = os.fork()
if other == 0:
    link.enter_namespace()
    os.write(say, b".")
    signal.pause()
os.read(heard, 1)
try:
    link.enter_namespace()
    link.join(other, os.getpid(), 33.3333)
    print(link.observed().mbit_per_second)
finally:
    os.kill(other, signal.SIGKILL)
"""
    (rate,) = said_by(program)
    assert float(rate) == pytest.approx(33.3333, abs=8e-6), "the kernel counts bytes a second"


@needs_link
def test_a_failed_command_is_told_with_its_last_line() -> None:
    with staying("enter") as first, staying("enter") as second:
        link.join(first.pid, second.pid, 10)
        with pytest.raises(
            link.LinkError, match=r"ip link add name link0 type veth .*: RTNETLINK answers: File exists$"
        ):
            link.join(first.pid, second.pid, 10)


@needs_link
def test_a_process_that_is_gone_cannot_be_joined() -> None:
    with staying("enter") as gone, staying("enter") as other:
        gone.kill()
        # Dead, then dead and reaped.
        assert eventually(lambda: "\nState:\tZ" in Path(f"/proc/{gone.pid}/status").read_text())
        for pids in ((gone.pid, other.pid), (other.pid, gone.pid)):
            with pytest.raises(
                link.LinkError,
                match=rf"the network namespace of process {gone.pid} cannot be read, it may have ended: ",
            ):
                link.join(*pids, 10)
        gone.wait()
        with pytest.raises(link.LinkError, match=rf"process {gone.pid} .*: No such file or directory$"):
            link.join(gone.pid, other.pid, 10)


@needs_link
def test_only_namespaces_of_their_own_are_joined() -> None:
    before = interfaces()
    with staying("enter") as inside, staying() as outside:
        for pids in ((inside.pid, outside.pid), (outside.pid, inside.pid)):
            with pytest.raises(link.LinkError, match=f"process {outside.pid} shares its network namespace with others"):
                link.join(*pids, 10)
        with pytest.raises(link.LinkError, match=f"processes {inside.pid} and {inside.pid} are in the same network"):
            link.join(inside.pid, inside.pid, 10)
        with pytest.raises(link.LinkError, match=f"process {os.getpid()} shares its network namespace with others"):
            link.join(os.getpid(), inside.pid, 10)
    assert interfaces() == before


@pytest.mark.parametrize("rate", [0.0, 0.001, -1.0, float("nan"), float("inf")])
def test_a_rate_is_a_number_that_the_shaper_keeps(rate: float) -> None:
    with pytest.raises(ValueError, match=rf"a link has a rate of 0.01 Mbit/s or more, not {rate}"):
        link.join(1, 2, rate)


def test_only_the_main_thread_stands_for_its_process() -> None:
    caught: list[BaseException] = []

    def enter() -> None:
        try:
            link.enter_namespace()
        except link.LinkError as error:
            caught.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert [str(error) for error in caught] == ["only the main thread can move its process into a network namespace"]


def test_without_root_there_are_no_namespaces() -> None:
    assert said_by(
        """
import os
from llm_claims.workloads.training import link
if os.geteuid() == 0:
    os.setuid(65534)
print(link.missing())
try:
    link.enter_namespace()
except link.LinkError as error:
    print(error)
"""
    ) == ["needs network namespaces (root)", "unshare(CLONE_NEWNET): Operation not permitted"]


@needs_link
def test_root_that_may_not_make_namespaces_finds_out() -> None:
    # What a container's root has not: CAP_SYS_ADMIN (21), dropped from all that this process starts (24).
    program = """
import ctypes
from llm_claims.workloads.training import link
assert ctypes.CDLL(None).prctl(24, 21, 0, 0, 0) == 0
print(link.missing())
"""
    assert said_by(program) == ["needs network namespaces (root)"]


def test_programs_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name, path: None if name in ("ip", "tc") else f"/bin/{name}")
    assert link.missing.__wrapped__() == "needs ip (iproute2) and tc (iproute2)"


TBF = '[{"kind":"tbf","handle":"8001:","root":true,"options":{"rate":125000,"burst":65536,"lat":50000}}]'
NO_RATE = "needs an iproute2 whose tc reports the rate of a tbf as JSON"


@pytest.mark.parametrize(
    ("refused", "listing", "reason"),
    [
        ("true", TBF, "needs network namespaces (root)"),
        ("veth", TBF, "needs a kernel with virtual Ethernet pairs (veth)"),
        ("tbf", TBF, "needs a kernel with the token bucket filter (tbf)"),
        ("nothing", "[]", NO_RATE),
        ("nothing", '[{"kind":"tbf","options":{rate 1Mbit burst 64Kb lat 50ms}}]', NO_RATE),
        ("nothing", TBF, None),
    ],
)
def test_what_does_not_work_is_named(
    monkeypatch: pytest.MonkeyPatch, refused: str, listing: str, reason: str | None
) -> None:
    def run(*command: str) -> str:
        if refused in command[-1]:
            raise link.LinkError(command[-1])
        return listing

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name, path: f"/bin/{name}")
    monkeypatch.setattr(link, "_run", run)
    assert link.missing.__wrapped__() == reason

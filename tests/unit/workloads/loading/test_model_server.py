"""The resident model server really holds its heap, within the cap, and goes when it is told to."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.loading.memory_cap import MemoryCap
from llm_claims.workloads.loading.model_server import ModelServer
from llm_claims.workloads.loading.resident import anonymous_bytes
from llm_claims.workloads.processes.janitor import Janitor

MB = 1 << 20
HEAP = 40 * MB

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
needs_cgroup = pytest.mark.skipif(memory_cap.missing() is not None, reason=str(memory_cap.missing()))


@contextmanager
def served(cap: MemoryCap | None = None) -> Iterator[ModelServer]:
    server = ModelServer(HEAP, cap)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def cap() -> Iterator[MemoryCap]:
    janitor = Janitor()
    made = MemoryCap.make(janitor)
    yield made
    janitor.close()


def test_it_holds_its_heap_from_when_it_is_told_to() -> None:
    with served() as server:
        assert not server.holds()
        assert anonymous_bytes(server.pid) < 16 * MB
        assert server.hold()
        assert server.holds()
        assert HEAP <= anonymous_bytes(server.pid) < HEAP + 16 * MB
    assert not Path(f"/proc/{server.pid}").exists()
    assert not server.holds()


@needs_cgroup
def test_its_heap_is_charged_to_the_cap(cap: MemoryCap) -> None:
    with served(cap) as server:
        assert cap.members == (server.pid,)
        before = cap.usage_bytes
        assert server.hold()
        assert HEAP <= cap.usage_bytes - before < HEAP + 4 * MB
        assert server.holds()


@needs_cgroup
def test_a_heap_beyond_the_cap_is_not_held(cap: MemoryCap) -> None:
    with served(cap) as server:
        cap.limit(cap.usage_bytes + HEAP // 2)
        assert not server.hold()
        assert not server.holds()
        assert cap.ran_out


@needs_cgroup
def test_one_outside_the_cap_is_no_server_of_this_load(cap: MemoryCap) -> None:
    with served() as server:
        assert server.hold()
        server._cap = cap
        assert not server.holds()


def test_one_that_died_holds_nothing() -> None:
    with served() as server:
        assert server.hold()
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        assert not server.holds()
        assert not server.hold()

"""The machine: measured on by one alone, or by several who share it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from filelock import Timeout

from llm_claims.errors import ProgramError
from llm_claims.sources import machine
from llm_claims.sources.machine import Machine, gate, slots


def silent() -> None:
    """Wait without a word."""


def taken(lock) -> bool:
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def test_two_who_measure_exclude_each_other(timing_lock: Path) -> None:
    with gate():
        assert timing_lock.exists()
        with pytest.raises(Timeout):
            gate().acquire(timeout=0)
    with gate().acquire(timeout=0):
        pass


def test_the_lock_waits_for_its_turn() -> None:
    order = []
    first = gate()
    first.acquire()

    def wait() -> None:
        with gate():
            order.append("second")

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.1)
    order.append("first")
    first.release()
    waiting.join(10)
    assert order == ["first", "second"]


def test_the_lock_is_one_for_the_machine_unless_named(monkeypatch: pytest.MonkeyPatch, timing_lock: Path) -> None:
    assert Path(gate().lock_file) == timing_lock
    monkeypatch.delenv("LLM_CLAIMS_LOCK")
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/somewhere")
    assert Path(gate().lock_file) == Path("/somewhere/llm-claims-timing.lock")


def test_who_is_alone_holds_everything() -> None:
    with Machine(silent).alone():
        assert taken(gate())
        assert all(taken(slot) for slot in slots())
    assert not taken(gate())
    assert not any(taken(slot) for slot in slots())


def test_who_shares_holds_one_slot_and_leaves_the_gate() -> None:
    with Machine(silent).shared():
        assert not taken(gate())
        assert [taken(slot) for slot in slots()].count(True) == 1
    assert not any(taken(slot) for slot in slots())


def test_as_many_share_as_there_are_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SLOTS", 2)
    order: list[str] = []

    def third() -> None:
        with Machine(silent).shared():
            order.append("third")

    with Machine(silent).shared():
        with Machine(silent).shared():
            waiting = threading.Thread(target=third)
            waiting.start()
            waiting.join(0.2)
            order.append("second ends")
        waiting.join(10)
    assert order == ["second ends", "third"]


def test_nobody_who_shares_passes_one_who_waits_to_be_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SLOTS", 2)
    order: list[str] = []

    def alone() -> None:
        with Machine(silent).alone():
            order.append("alone")

    def late() -> None:
        with Machine(silent).shared():
            order.append("late")

    with Machine(silent).shared():
        threads = [threading.Thread(target=alone), threading.Thread(target=late)]
        threads[0].start()
        while not taken(gate()):
            time.sleep(0.01)
        threads[1].start()
        threads[1].join(0.2)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == ["alone", "late"]


@pytest.mark.parametrize("way", ["alone", "shared"])
def test_an_error_of_the_measurement_is_not_one_of_the_lock(way: str) -> None:
    with pytest.raises(ZeroDivisionError), getattr(Machine(silent), way)():
        raise ZeroDivisionError
    assert not taken(gate())
    assert not any(taken(slot) for slot in slots())


@pytest.mark.parametrize("way", ["alone", "shared"])
def test_a_lock_that_cannot_be_used_is_told(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(tmp_path))
    with pytest.raises(ProgramError, match="name another in LLM_CLAIMS_LOCK"), getattr(Machine(silent), way)():
        pass

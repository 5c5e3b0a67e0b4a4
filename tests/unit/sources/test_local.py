"""The live source: interleaved rounds, drawn once, refused when they are not what was asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from builders import witness_of
from fake_gpus import H100, put_gpus
from filelock import Timeout

from llm_claims.document.setting import Setting
from llm_claims.errors import Inconclusive, ProgramError, Untestable
from llm_claims.evidence.times import Times
from llm_claims.sources import machine, programs
from llm_claims.sources.base import Cost, Placed
from llm_claims.sources.local import LocalSource
from llm_claims.sources.machine import gate
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.defaults import CPU
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.hardware import Gpus, Processor
from llm_claims.workloads.protocol import Answer, Ready, Request, Spent

READY = Ready(hardware="a CPU, 2 cores", software={"torch": "2.13"}, setup_seconds=1.0)
Misdeed = Callable[[Answer], Answer]


class FakeProgram:
    """Stands in for `ProgramProcess`: answers at once, rightly unless told otherwise, and writes down what it did."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.requests: list[Request] = []
        self.timeouts: list[float] = []
        self.misdeeds: dict[tuple[int, int], Misdeed] = {}
        self.starts = 0
        self.closed = 0
        self.locked: list[bool] = []

    def __call__(self, command: object) -> FakeProgram:
        return self

    def start(self) -> Ready:
        self.starts += 1
        return READY

    def ask(self, request: Request, timeout_seconds: float) -> Answer:
        at = (request.workload.new_tokens, request.round)
        self.asked.append(at)
        self.requests.append(request)
        self.timeouts.append(timeout_seconds)
        self.locked.append(is_locked())
        answer = Answer(
            metrics={
                "latency_seconds": 0.01 * at[0] + 0.0001 * at[1],
                "new_tokens_per_sequence": at[0],
                "largest_forward_batch": getattr(request.workload, "batch_size", None) or 1,
            },
            witness=witness_of(request.workload, device="cpu"),
        )
        return self.misdeeds.get(at, lambda it: it)(answer)

    def close(self) -> None:
        self.closed += 1

    @property
    def order(self) -> str:
        """What was asked, as letters: A is one new token, B two, …; a round begins with its number."""
        text, last = "", 0
        for tokens, number in self.asked:
            text += f" {number}" * (number != last) + "ABCDE"[tokens - 1]
            last = number
        return text.strip()


def is_locked() -> bool:
    try:
        with gate().acquire(timeout=0):
            return False
    except Timeout:
        return True


def seeing(**seen: Any) -> Misdeed:
    return lambda answer: answer.model_copy(update={"witness": answer.witness.model_copy(update=seen)})


def counting(**metrics: float) -> Misdeed:
    return lambda answer: answer.model_copy(update={"metrics": {**answer.metrics, **metrics}})


def dying(_: Answer) -> Answer:
    raise ProgramError("the program died: exit status 1")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    fake = FakeProgram()
    monkeypatch.setattr(programs, "ProgramProcess", fake)
    return fake


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "store")


@pytest.fixture
def source(program: FakeProgram, store: EvidenceStore) -> LocalSource:
    command = ("/usr/bin/python3", "-m", "fake")
    return LocalSource(Processor(), store, commit="abc123", sample_timeout=7.0, program=command)


def request_for(tokens: int, **fields: Any) -> Generation:
    return Generation(new_tokens=tokens, api="pipeline", **fields)


@pytest.fixture
def placed(source: LocalSource) -> list[Placed]:
    return [source.place(request_for(n), None, None) for n in (1, 2, 3, 4)]


def latencies(source: LocalSource, placed: Placed) -> dict[int, float]:
    series = source.evidence(placed).series("latency_seconds")
    return dict(zip(series.rounds, series.values, strict=True))


def test_a_source_is_named_like_its_hardware(source: LocalSource, store: EvidenceStore) -> None:
    assert (source.name, source.markers, source.measures_as) == ("cpu", ("cpu", "live"), "cpu")
    assert source.always_here
    assert not source.documented
    gpu = LocalSource(Gpus(), store)
    assert (gpu.name, gpu.markers, gpu.always_here) == ("gpu", ("gpu", "live"), False)


def test_the_primary_setting_alone_is_measured_and_not_taken_over(source: LocalSource) -> None:
    first, second = (Setting(name, model=name).under("7b") for name in ("7b", "13b"))
    assert source.place(Generation(), first, None) == source.place(Generation(), None, None)
    with pytest.raises(Untestable, match=r"the CPU measures one setting of its own; .* in case \[7b\]"):
        source.place(Generation(), second, None)


def test_a_kind_without_defaults_for_the_hardware_is_not_measured(source: LocalSource) -> None:
    class Sorting(Workload):
        """Sorting, on GPUs alone."""

        defaults: ClassVar = {"gpu": {}}

    with pytest.raises(Untestable, match="sorting has no defaults for a CPU, so it is not measured here"):
        source.place(Sorting(), None, None)


def test_the_defaults_of_a_recording_are_those_of_the_kinds_that_were_measured(
    source: LocalSource, placed: list[Placed]
) -> None:
    assert source.defaults() == {}
    source.draw(placed[:1], 1, timed=True)
    assert source.defaults() == {"generation": CPU}


def test_the_defaults_are_those_that_it_was_measured_with_though_the_hardware_is_gone(
    source: LocalSource, placed: list[Placed], store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(hardware: object) -> None:
        raise Untestable("nvidia-smi fails")

    source.draw(placed[:1], 1, timed=True)
    monkeypatch.setattr(Generation, "defaults_on", gone)
    assert LocalSource(Processor(), store).defaults() == {"generation": CPU}


def test_nothing_is_kept_of_what_is_only_placed(placed: list[Placed], store: EvidenceStore) -> None:
    assert placed
    assert not list(store.folder.rglob("source.*.defaults"))


# Drawing


@pytest.mark.parametrize(
    ("draws", "order"),
    [
        ([], ""),  # a program takes seconds to start
        ([("ABC", 3)], "1ABC 2CBA 3ABC"),
        ([("AB", 3), ("AB", 3), ("A", 2), ("AB", 5)], "1AB 2BA 3AB 4BA 5AB"),
        # C was never measured beside A and B, so three rounds of all are drawn, whatever A and B have already.
        ([("AB", 3), ("ABC", 3)], "1AB 2BA 3AB 4CBA 5ABC 6CBA"),
        ([("ABC", 2), ("AB", 3), ("AC", 3), ("BC", 3)], "1ABC 2CBA 3AB 4CA 5BC"),
        # Rounds of one number would pair up without ever having been interleaved.
        ([("A", 3), ("B", 3)], "1A 2A 3A 4B 5B 6B"),
        ([("ABCD", 3), ("AB", 4), ("CD", 4)], "1ABCD 2DCBA 3ABCD 4BA 5CD"),
    ],
)
def test_rounds_are_interleaved_in_alternating_order_until_all_have_enough_in_common(
    source: LocalSource, program: FakeProgram, placed: list[Placed], draws: list[tuple[str, int]], order: str
) -> None:
    for names, rounds in draws:
        source.draw([placed["ABCD".index(name)] for name in names], rounds, timed=True)
    assert program.order == order
    assert bool(program.starts) is bool(draws)


def test_every_sample_is_kept_with_its_round_and_a_round_has_a_seed_of_its_own(
    source: LocalSource, program: FakeProgram, placed: list[Placed]
) -> None:
    source.draw(placed[:2], 3, timed=True)
    assert latencies(source, placed[0]) == pytest.approx({1: 0.0101, 2: 0.0102, 3: 0.0103})
    assert latencies(source, placed[1]) == pytest.approx({1: 0.0201, 2: 0.0202, 3: 0.0203})
    assert {(one.round, one.seed) for one in program.requests} == {(1, 1030), (2, 1031), (3, 1032)}
    assert program.requests[0].workload == placed[0].workload
    assert set(program.timeouts) == {7.0}


def test_workers_share_what_one_of_them_measured(
    source: LocalSource, program: FakeProgram, placed: list[Placed], store: EvidenceStore
) -> None:
    source.draw(placed[:2], 3, timed=True)
    other = LocalSource(Processor(), EvidenceStore(store.folder))
    other.draw(placed[:2], 3, timed=True)
    assert len(program.asked) == 6
    assert latencies(other, placed[0]) == latencies(source, placed[0])
    other.draw(placed[:2], 4, timed=True)
    assert program.order.endswith("4BA")


def test_the_cost_of_rounds_is_told_by_all_processes_of_the_run(
    source: LocalSource, placed: list[Placed], store: EvidenceStore
) -> None:
    assert source.cost(placed[:2]) is None
    for one, seconds in ((placed[0], (7.0, 1.0, 2.0)), (placed[1], (3.0,))):
        for each in seconds:
            store.note_seconds("cpu", one, each)
    assert source.cost(placed[:1]) == Cost(first=7.0, later=1.5)
    assert source.cost(placed[:2]) == Cost(first=10.0, later=4.5)
    assert source.cost(placed[:3]) is None


def test_the_set_up_has_the_start_of_the_program(
    source: LocalSource, program: FakeProgram, placed: list[Placed], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.draw(placed[:2], 3, timed=True)
    cost = source.cost(placed[:2])
    assert cost is not None
    assert 0 < cost.later < 60
    monkeypatch.setattr(programs.Programs, "start_seconds", lambda *_: 1000.0)
    later = source.cost(placed[:2])
    assert later is not None
    assert 1000 <= later.first < 1060


def test_what_was_never_drawn_is_an_error(source: LocalSource, placed: list[Placed]) -> None:
    with pytest.raises(ProgramError, match="has not been measured in this run"):
        source.evidence(placed[0])


def test_the_timing_lock_is_held_for_every_sample_and_no_longer(
    source: LocalSource, program: FakeProgram, placed: list[Placed]
) -> None:
    assert not is_locked()
    source.draw(placed[:2], 3, timed=True)
    assert program.locked == [True] * 6
    assert not is_locked()


def test_waiting_for_another_run_is_told(
    program: FakeProgram, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "WAIT_IN_SILENCE_SECONDS", 0.01)
    told: list[str] = []
    other = gate()
    other.acquire()

    def tell(what: str, *_: object) -> None:
        told.append(what)
        if other.is_locked:
            assert program.asked == []
            other.release()

    source = LocalSource(Processor(), store, progress=tell)
    source.draw([source.place(request_for(1), None, None)], 1, timed=True)
    assert told[0] == "waiting for another timed run on this machine"
    assert len(told) == 2
    assert program.locked == [True], "what waited for the lock must have it then"


def test_the_timing_lock_is_given_back_after_an_interrupt(
    source: LocalSource, program: FakeProgram, placed: list[Placed]
) -> None:
    def interrupted(_: Answer) -> Answer:
        raise KeyboardInterrupt

    program.misdeeds[1, 1] = interrupted
    with pytest.raises(KeyboardInterrupt):
        source.draw(placed[:2], 3, timed=True)
    assert not is_locked()
    del program.misdeeds[1, 1]
    source.draw(placed[:2], 3, timed=True)
    assert len(latencies(source, placed[0])) == 3, "an interrupt is no failure of the workload"


# Failures


@pytest.mark.parametrize(
    ("misdeed", "text"),
    [
        (dying, "the program died: exit status 1"),
        (seeing(new_tokens=(127,)), r"the run saw \(127,\)"),
        (counting(speed=1.0), "Generation has no metric 'speed'"),
    ],
    ids=["dies", "127 tokens", "another metric"],
)
@pytest.mark.parametrize(("number", "order"), [(1, "1AB 2B 3B"), (2, "1AB 2BA 3B")])
def test_a_round_that_is_refused_refuses_the_workload_and_is_not_tried_again(
    source: LocalSource,
    program: FakeProgram,
    placed: list[Placed],
    misdeed: Misdeed,
    text: str,
    number: int,
    order: str,
) -> None:
    program.misdeeds[1, number] = misdeed
    source.draw(placed[:2], 3, timed=True)
    source.draw(placed[:2], 3, timed=True)
    assert program.order == order, "the other workload still gets its rounds"
    with pytest.raises(ProgramError, match=text):
        source.evidence(placed[0])
    assert len(latencies(source, placed[1])) == 3
    assert [entry.workload for entry in source.entries()] == [placed[1].workload]


def test_what_the_program_cannot_run_is_untestable_and_not_asked_again(
    source: LocalSource, program: FakeProgram, placed: list[Placed]
) -> None:
    program.misdeeds[1, 1] = lambda answer: answer.model_copy(update={"unsupported": "no such engine"})
    source.draw(placed[:1], 3, timed=False)
    source.draw(placed[:1], 3, timed=False)
    assert program.order == "1A"
    with pytest.raises(Untestable, match=r"^no such engine$"):
        source.evidence(placed[0])


def test_a_failure_is_remembered_by_every_worker(
    source: LocalSource, program: FakeProgram, placed: list[Placed], store: EvidenceStore
) -> None:
    program.misdeeds[1, 1] = dying
    source.draw(placed[:1], 3, timed=True)
    other = LocalSource(Processor(), EvidenceStore(store.folder))
    other.draw(placed[:1], 3, timed=True)
    assert program.order == "1A"
    with pytest.raises(ProgramError, match="exit status 1"):
        other.evidence(placed[0])


# What people see


@pytest.mark.parametrize(("most", "of"), [(0, 2), (5, 5)])
def test_progress_is_told_before_every_sample_with_the_most_rounds_that_may_come(
    program: FakeProgram, store: EvidenceStore, most: int, of: int
) -> None:
    told: list[tuple[str, int, int, float | None]] = []
    source = LocalSource(Processor(), store, progress=lambda *each: told.append(each), most_rounds=most)
    pair = [source.place(request_for(n), None, None) for n in (1, 2)]
    source.draw(pair, 2, timed=True)
    a, b = (one.describe() for one in pair)
    assert [each[:3] for each in told] == [(a, 1, of), (b, 1, of), (b, 2, of), (a, 2, of)]
    assert [each[3] is None for each in told] == [True, True, False, False], "nothing is known before the first round"


def test_time_left_is_the_rest_of_this_round_and_the_rounds_after(
    program: FakeProgram, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    told: list[float | None] = []
    source = LocalSource(Processor(), store, progress=lambda *each: told.append(each[3]))
    pair = [source.place(request_for(n), None, None) for n in (1, 2)]

    def taking(seconds: float) -> Misdeed:
        def take(answer: Answer) -> Answer:
            clock[0] += seconds
            return answer

        return take

    for number in (1, 2, 3):
        program.misdeeds[1, number], program.misdeeds[2, number] = taking(2.0), taking(5.0)
    source.draw(pair, 3, timed=True)
    # Rounds 2 (B A) and 3 (A B) remain: 14, then 9 after B's 5; then 7, then 5.
    assert told == [None, None, 14.0, 9.0, 7.0, 5.0]


def test_provenance_names_command_and_commit(source: LocalSource, placed: list[Placed]) -> None:
    source.draw(placed[:1], 2, timed=True)
    provenance = source.evidence(placed[0]).provenance
    assert provenance.command == "python -m fake"
    assert provenance.commit == "abc123"
    assert provenance.hardware == READY.hardware
    assert len(provenance.seeds) == 2


def test_closing_ends_the_programs_that_were_started(
    source: LocalSource, program: FakeProgram, placed: list[Placed]
) -> None:
    source.close()
    assert program.closed == 0
    source.draw(placed[:2], 1, timed=True)
    source.close()
    assert program.closed == 1, "one command serves both"


# With a process


SPEAKING = """
import json, sys
print(json.dumps({"hardware": "a fake", "software": {}, "setup_seconds": 0.0}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)["workload"]
    witness = {name: asked[name] for name in ("model", "engine", "api", "tensor_parallel_degree")}
    witness |= {"device": "cpu", "forward_dtypes": ["float32"]}
    witness |= {name: [asked[name]] for name in ("input_tokens", "new_tokens")}
    print(json.dumps({"metrics": {"latency_seconds": 0.5}, "witness": witness}), flush=True)
"""


def test_a_real_process_is_asked(store: EvidenceStore) -> None:
    source = LocalSource(Processor(), store, program=(sys.executable, "-I", "-S", "-c", SPEAKING))
    placed = source.place(Generation(new_tokens=128), None, None)
    try:
        source.draw([placed], 2, timed=True)
        assert latencies(source, placed) == {1: 0.5, 2: 0.5}
    finally:
        source.close()


# Sharing a time budget


class Clock:
    """Stands in for the machine's clock: each sample takes ten seconds, and nothing else any."""

    def __init__(self, program: FakeProgram) -> None:
        self._program = program

    def __call__(self) -> float:
        return 1e9 + 10.0 * len(self._program.asked)


@pytest.fixture
def budgeted(
    program: FakeProgram, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], LocalSource]:
    monkeypatch.setattr(time, "monotonic", Clock(program))
    return lambda seconds: LocalSource(Processor(), store, time_budget=seconds)


@pytest.mark.parametrize(("budget", "spare"), [(121.0, True), (119.0, False)], ids=["enough", "short"])
def test_further_rounds_leave_those_who_wait_what_one_took_so_far(
    budgeted: Callable[[float], LocalSource], store: EvidenceStore, placed: list[Placed], budget: float, spare: bool
) -> None:
    """Two workloads took 30 s each; two more wait, so 60 of the 120 s are theirs."""
    source = budgeted(budget)
    source.draw(placed[:2], 3, timed=True)
    assert source.has_time_for(placed[:2], 4, placed) is spare
    assert store.is_out_of_time("cpu") is not spare


def test_who_waits_for_nothing_owes_nothing(budgeted: Callable[[float], LocalSource], placed: list[Placed]) -> None:
    source = budgeted(61.0)
    source.draw(placed[:2], 3, timed=True)
    assert source.has_time_for(placed[:2], 4, placed[:2])
    assert not source.has_time_for(placed[:2], 4, placed[:3])


def test_what_failed_waits_no_more(
    budgeted: Callable[[float], LocalSource], program: FakeProgram, placed: list[Placed]
) -> None:
    program.misdeeds[2, 1] = dying
    source = budgeted(51.0)
    source.draw(placed[:2], 3, timed=True)
    assert program.order == "1AB 2A 3A"
    assert source.has_time_for(placed[:1], 4, placed[:2])


def test_without_a_budget_there_is_always_time(source: LocalSource, placed: list[Placed]) -> None:
    source.draw(placed[:1], 1, timed=True)
    assert source.has_time_for(placed[:1], 2, placed)


def test_what_is_measured_already_takes_no_time(
    budgeted: Callable[[float], LocalSource], store: EvidenceStore, placed: list[Placed]
) -> None:
    source = budgeted(61.0)
    source.draw(placed[:2], 3, timed=True)
    assert source.has_time_for(placed[:2], 3, placed)
    assert not store.is_out_of_time("cpu")


def test_a_run_tells_how_long_it_measured(budgeted: Callable[[float], LocalSource], placed: list[Placed]) -> None:
    source = budgeted(100.0)
    assert source.times() is None
    source.draw(placed[:2], 2, timed=True)
    assert source.times() == Times(whole=40.0, setup=0.0, compiling=0.0, measuring=0.0, untold=40.0)


def test_a_run_tells_what_it_spent_its_time_on(
    budgeted: Callable[[float], LocalSource], program: FakeProgram, placed: list[Placed]
) -> None:
    """What was compiled before it was ready counts with the start, which here takes no time."""
    spent = Spent(setup_seconds=1.0, compiling_seconds=2.0, measuring_seconds=6.0)
    program.misdeeds[1, 1] = lambda answer: answer.model_copy(update={"spent": spent})
    program.misdeeds[2, 1] = dying
    source = budgeted(100.0)
    source.draw(placed[:2], 1, timed=True)
    assert source.times() == Times(whole=20.0, setup=1.0, compiling=2.0, measuring=6.0, untold=11.0)


def test_the_start_of_a_program_is_set_up_but_for_what_it_compiled(
    source: LocalSource, program: FakeProgram, placed: list[Placed], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    ready = READY.model_copy(update={"spent": Spent(setup_seconds=1.0, compiling_seconds=2.0)})

    def start() -> Ready:
        now[0] += 5.0 if not program.asked else 0.0
        return ready

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(program, "start", start)
    source.draw(placed[:1], 2, timed=True)
    assert source.times() == Times(whole=5.0, setup=3.0, compiling=2.0, measuring=0.0, untold=0.0)


def test_a_clock_that_stands_still_breaks_nothing(
    source: LocalSource, placed: list[Placed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    source.draw(placed[:1], 1, timed=True)
    assert source.times() == Times(0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("budget", "order", "reason"),
    [
        (15.0, "1AB", None),  # the last one may begin, and ends
        (5.0, "1A", "the time budget of 5 s ended before these were measured in one pass"),
        (-1.0, "", "the time budget of -1 s ended before these were measured in one pass"),
    ],
)
def test_nothing_begins_after_the_budget(
    budgeted: Callable[[float], LocalSource],
    program: FakeProgram,
    placed: list[Placed],
    budget: float,
    order: str,
    reason: str | None,
) -> None:
    source = budgeted(budget)
    if reason is None:
        source.draw(placed[:2], 3, timed=True)
    else:
        with pytest.raises(Inconclusive, match=reason):
            source.draw(placed[:2], 3, timed=True)
        with pytest.raises(Inconclusive, match="ended before this was measured"):
            source.evidence(placed[1])
    assert program.order == order
    assert not source.is_complete


def test_rounds_that_are_not_timed_are_drawn_in_turn_and_some_are_common_when_the_budget_ends(
    budgeted: Callable[[float], LocalSource], program: FakeProgram, placed: list[Placed]
) -> None:
    source = budgeted(35.0)
    source.draw(placed[:2], 3, timed=False)
    assert program.order == "1AB 2AB"
    assert [source.evidence(one).rounds for one in placed[:2]] == [(1, 2), (1, 2)]


# On GPUs


def test_gpus_are_looked_at_once_before_anything_runs_and_after(
    program: FakeProgram, store: EvidenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gpus(tmp_path / "bin", monkeypatch, {**H100, "memory.used": 4000})
    source = LocalSource(Gpus(), store)
    placed = source.place(Generation(), None, None)
    with pytest.raises(Untestable, match="another process holds GPU 0: 4000 MiB"):
        source.draw([placed], 1, timed=True)
    assert (program.asked, source.devices()) == ([], None)
    put_gpus(tmp_path / "bin", monkeypatch, H100)
    source.draw([], 1, timed=True)
    put_gpus(tmp_path / "bin", monkeypatch, {**H100, "memory.used": 4000})
    source.draw([], 1, timed=True)
    devices = source.devices()
    assert devices is not None
    assert ([one.memory_used_mib for one in devices.start], [one.memory_used_mib for one in devices.end]) == (
        [0],
        [4000],
    )
    put_gpus(tmp_path / "bin", monkeypatch, fails="Unable to determine the device handle: GPU is lost")
    assert source.devices() == devices.model_copy(update={"end": ()}), "what was measured before stands"

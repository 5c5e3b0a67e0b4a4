"""The live source: interleaved rounds, drawn once, refused when they are not what was asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import witness_of
from filelock import Timeout
from llm_claims.sources.platform import CpuPlatform

from llm_claims.document.setting import Setting, settings
from llm_claims.errors import ProgramError, Untestable
from llm_claims.sources import local, machine
from llm_claims.sources.base import Placed
from llm_claims.sources.local import CpuSource
from llm_claims.sources.machine import gate
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import Answer, Ready, Request
from llm_claims.workloads.training.workload import Training

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
    monkeypatch.setattr(local, "ProgramProcess", fake)
    return fake


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "store")


@pytest.fixture
def source(program: FakeProgram, store: EvidenceStore) -> CpuSource:
    return CpuSource(
        store,
        commit="abc123",
        sample_timeout=7.0,
        programs=dict.fromkeys(CpuPlatform.programs, ("/usr/bin/python3", "-m", "fake")),
    )


def request_for(tokens: int, **fields: Any) -> Generation:
    return Generation(new_tokens=tokens, api="pipeline", **fields)


@pytest.fixture
def placed(source: CpuSource) -> list[Placed]:
    return [source.place(request_for(n), None, None) for n in (1, 2, 3, 4)]


def latencies(source: CpuSource, placed: Placed) -> dict[int, float]:
    series = source.evidence(placed).series("latency_seconds")
    return dict(zip(series.rounds, series.values, strict=True))


def test_the_processor_is_on_every_machine_and_never_the_document_s(source: CpuSource) -> None:
    assert (source.name, source.kind, source.measures_as) == ("cpu", "cpu", "cpu")
    assert source.always_here
    assert not source.documented


# Placing


def test_open_fields_become_the_scaled_configuration(source: CpuSource) -> None:
    assert source.place(Generation(prompts=2), None, None) == Placed(
        Generation(
            model="llama-30m",
            precision="fp32",
            engine="transformers",
            api="generate",
            tensor_parallel_degree=1,
            input_tokens=10,
            new_tokens=64,
            prompts=2,
        )
    )


def test_a_batch_size_is_not_filled(source: CpuSource) -> None:
    assert source.place(Generation(prompts=2), None, None).workload.batch_size is None
    assert source.place(Generation(prompts=2, batch_size=2), None, None).workload.batch_size == 2


@pytest.mark.parametrize(
    ("workload", "on", "reason"),
    [
        (Training(), "p4d.24xlarge", r"needs ml\.p4d\.24xlarge; this is a CPU"),
        (Loading(), "g5.48xlarge", r"needs ml\.g5\.48xlarge; this is a CPU"),
        (Generation(), "g5.2xlarge", r"needs ml\.g5\.2xlarge; this is a CPU"),
        (Generation(), "ml.g5.2xlarge", r"needs ml\.g5\.2xlarge; this is a CPU"),
        (Generation(engine="deepspeed"), None, "needs engine=deepspeed; the CPU serves engine=transformers"),
        (Generation(model="llama-7b"), None, "needs model=llama-7b; the CPU serves model=llama-30m"),
        (Generation(precision="fp16"), None, "needs precision=fp16; the CPU serves precision=fp32"),
        (Generation(tensor_parallel_degree=2), None, "needs tensor_parallel_degree=2"),
    ],
)
def test_what_a_processor_cannot_be_is_untestable(
    source: CpuSource, workload: Workload, on: str | None, reason: str
) -> None:
    with pytest.raises(Untestable, match=reason):
        source.place(workload, None, on)


def test_the_primary_setting_alone_is_measured_and_not_taken_over(source: CpuSource) -> None:
    first, second = settings(Setting("7b", precision="fp16"), Setting("13b", model="llama-13b")).args[1]
    assert source.place(Generation(), first, None) == source.place(Generation(), None, None)
    with pytest.raises(Untestable, match=r"the CPU measures one setting of its own; .* in case \[7b\]"):
        source.place(Generation(), second, None)


# Drawing


def test_rounds_are_interleaved_in_alternating_order(
    source: CpuSource, program: FakeProgram, placed: list[Placed]
) -> None:
    source.draw(placed[:3], 3, timed=True)
    assert program.order == "1ABC 2CBA 3ABC"


def test_every_sample_is_kept_with_its_round(source: CpuSource, placed: list[Placed]) -> None:
    source.draw(placed[:2], 3, timed=True)
    assert latencies(source, placed[0]) == pytest.approx({1: 0.0101, 2: 0.0102, 3: 0.0103})
    assert latencies(source, placed[1]) == pytest.approx({1: 0.0201, 2: 0.0202, 3: 0.0203})


def test_every_round_has_a_seed_of_its_own_that_all_its_workloads_share(
    source: CpuSource, program: FakeProgram, placed: list[Placed]
) -> None:
    source.draw(placed[:2], 3, timed=True)
    seeds: dict[int, set[int]] = {}
    for one in program.requests:
        seeds.setdefault(one.round, set()).add(one.seed)
    assert all(len(each) == 1 for each in seeds.values())
    assert len(set.union(*seeds.values())) == 3


def test_the_program_is_asked_for_what_was_placed_within_the_timeout(
    source: CpuSource, program: FakeProgram, placed: list[Placed]
) -> None:
    source.draw(placed[:1], 1, timed=True)
    assert program.requests[0].workload == placed[0].workload
    assert program.timeouts == [7.0]


def test_what_is_there_is_not_measured_again(source: CpuSource, program: FakeProgram, placed: list[Placed]) -> None:
    source.draw(placed[:2], 3, timed=True)
    source.draw(placed[:2], 3, timed=True)
    source.draw(placed[:1], 2, timed=True)
    assert program.order == "1AB 2BA 3AB"


def test_only_missing_rounds_are_drawn(source: CpuSource, program: FakeProgram, placed: list[Placed]) -> None:
    source.draw(placed[:2], 3, timed=True)
    source.draw(placed[:2], 5, timed=True)
    assert program.order == "1AB 2BA 3AB 4BA 5AB"


def test_rounds_must_be_common_to_all(source: CpuSource, program: FakeProgram, placed: list[Placed]) -> None:
    """C was never measured beside A and B, so three rounds of all are drawn, whatever A and B have already."""
    a, b, c, _ = placed
    source.draw([a, b], 3, timed=True)
    source.draw([a, b, c], 3, timed=True)
    assert program.order == "1AB 2BA 3AB 4CBA 5ABC 6CBA"
    assert [sorted(latencies(source, one)) for one in (a, c)] == [[1, 2, 3, 4, 5, 6], [4, 5, 6]]


def test_rounds_of_another_pair_do_not_count(source: CpuSource, program: FakeProgram, placed: list[Placed]) -> None:
    a, b, c, _ = placed
    source.draw([a, b, c], 2, timed=True)
    source.draw([a, b], 3, timed=True)
    source.draw([a, c], 3, timed=True)
    assert program.order == "1ABC 2CBA 3AB 4CA"
    source.draw([b, c], 3, timed=True)
    assert program.order == "1ABC 2CBA 3AB 4CA 5BC"


def test_workloads_of_separate_passes_share_no_round(source: CpuSource, placed: list[Placed]) -> None:
    """Else they pair up without ever having been interleaved."""
    a, b, *_ = placed
    source.draw([a], 3, timed=True)
    source.draw([b], 3, timed=True)
    assert not set(latencies(source, a)) & set(latencies(source, b))


def test_further_rounds_of_two_pairs_are_not_common_rounds(source: CpuSource, placed: list[Placed]) -> None:
    """What one run does: base rounds of a group, then further rounds for two of its relations, each by itself."""
    a, b, c, d = placed
    source.draw([a, b, c, d], 3, timed=True)
    source.draw([a, b], 4, timed=True)
    source.draw([c, d], 4, timed=True)
    assert set(latencies(source, a)) & set(latencies(source, c)) == {1, 2, 3}


def test_workers_share_what_one_of_them_measured(
    source: CpuSource, program: FakeProgram, placed: list[Placed], store: EvidenceStore
) -> None:
    source.draw(placed[:2], 3, timed=True)
    other = CpuSource(EvidenceStore(store.folder))
    other.draw(placed[:2], 3, timed=True)
    assert len(program.asked) == 6
    assert latencies(other, placed[0]) == latencies(source, placed[0])
    other.draw(placed[:2], 4, timed=True)
    assert program.order.endswith("4BA")


def test_drawing_nothing_is_nothing(source: CpuSource, program: FakeProgram) -> None:
    source.draw([], 3, timed=True)
    assert program.asked == []
    assert program.starts == 0, "a program takes seconds to start"


def test_what_was_never_drawn_is_an_error(source: CpuSource, placed: list[Placed]) -> None:
    with pytest.raises(ProgramError, match="has not been measured in this run"):
        source.evidence(placed[0])


def test_the_timing_lock_is_held_for_every_sample_and_no_longer(
    source: CpuSource, program: FakeProgram, placed: list[Placed]
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

    source = CpuSource(store, progress=tell)
    source.draw([source.place(request_for(1), None, None)], 1, timed=True)
    assert told[0] == "waiting for another timed run on this machine"
    assert len(told) == 2
    assert program.locked == [True], "what waited for the lock must have it then"


def test_a_lock_that_cannot_be_used_is_an_error(
    source: CpuSource, program: FakeProgram, placed: list[Placed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(tmp_path))
    with pytest.raises(ProgramError, match=r"cannot be used: .*; name another in LLM_CLAIMS_LOCK"):
        source.draw(placed[:1], 1, timed=True)
    assert program.asked == [], "without the lock nothing is timed"


def test_the_timing_lock_is_given_back_after_an_interrupt(
    source: CpuSource, program: FakeProgram, placed: list[Placed]
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


FAULTS = [
    ("dies", dying, "the program died: exit status 1"),
    ("127 tokens", seeing(new_tokens=(127,)), "the run saw (127,)"),
    ("one sequence short", seeing(new_tokens=()), "the run saw ()"),
    ("bfloat16", seeing(forward_dtypes=("bfloat16",)), "forward_dtypes: asked ('float32',)"),
    ("another batch size", seeing(forward_batch_sizes=(1,)), "forward_batch_sizes: asked (2,), the run saw (1,)"),
    ("another api", seeing(api="generate"), "api: asked 'pipeline', the run saw 'generate'"),
    ("no witness", lambda answer: answer.model_copy(update={"witness": None}), "the run carries no witness"),
    (
        "out of memory",
        lambda answer: Answer(outcome=Outcome(kind="out_of_memory", signature="OutOfMemoryError: 9 GiB")),
        "the run ended out_of_memory: OutOfMemoryError: 9 GiB",
    ),
    ("another metric", counting(speed=1.0), "metric"),
]
BY_FAULT = pytest.mark.parametrize(("misdeed", "text"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])


@pytest.fixture
def batches(source: CpuSource) -> list[Placed]:
    return [source.place(request_for(n, prompts=2, batch_size=2), None, None) for n in (1, 2)]


@BY_FAULT
def test_a_run_that_is_not_what_was_asked_is_refused_and_not_tried_again(
    source: CpuSource, program: FakeProgram, batches: list[Placed], misdeed: Misdeed, text: str
) -> None:
    bad, good = batches
    program.misdeeds[1, 1] = misdeed
    source.draw(batches, 3, timed=True)
    source.draw(batches, 3, timed=True)
    assert program.order == "1AB 2B 3B", "the other workload still gets its rounds"
    with pytest.raises(ProgramError) as caught:
        source.evidence(bad)
    assert text in str(caught.value)
    assert len(latencies(source, good)) == 3


@BY_FAULT
def test_a_later_round_that_is_refused_refuses_the_workload(
    source: CpuSource, program: FakeProgram, batches: list[Placed], misdeed: Misdeed, text: str
) -> None:
    program.misdeeds[1, 2] = misdeed
    source.draw(batches, 3, timed=True)
    with pytest.raises(ProgramError) as caught:
        source.evidence(batches[0])
    assert text in str(caught.value)
    assert program.order == "1AB 2BA 3B"


@pytest.mark.parametrize("name", ["new_tokens_per_sequence", "largest_forward_batch"])
def test_a_count_that_changes_between_rounds_is_refused(
    source: CpuSource, program: FakeProgram, placed: list[Placed], name: str
) -> None:
    program.misdeeds[1, 3] = counting(**{name: 9})
    source.draw(placed[:1], 3, timed=True)
    with pytest.raises(ProgramError, match=f"{name} changed between rounds"):
        source.evidence(placed[0])


def test_a_failure_is_remembered_by_every_worker(
    source: CpuSource, program: FakeProgram, placed: list[Placed], store: EvidenceStore
) -> None:
    program.misdeeds[1, 1] = dying
    source.draw(placed[:1], 3, timed=True)
    other = CpuSource(EvidenceStore(store.folder))
    other.draw(placed[:1], 3, timed=True)
    assert program.order == "1A"
    with pytest.raises(ProgramError, match="exit status 1"):
        other.evidence(placed[0])


# What people see


def test_progress_is_told_before_every_sample(program: FakeProgram, store: EvidenceStore) -> None:
    told: list[tuple[str, int, int, float | None]] = []
    source = CpuSource(store, progress=lambda *each: told.append(each))
    pair = [source.place(request_for(n), None, None) for n in (1, 2)]
    source.draw(pair, 2, timed=True)
    names = [one.describe() for one in pair]
    assert [each[:3] for each in told] == [
        (names[0], 1, 2),
        (names[1], 1, 2),
        (names[1], 2, 2),
        (names[0], 2, 2),
    ]
    assert [each[3] is None for each in told] == [True, True, False, False], "nothing is known before the first round"


def test_progress_tells_the_most_rounds_that_may_come(program: FakeProgram, store: EvidenceStore) -> None:
    told: list[tuple[int, int]] = []
    source = CpuSource(store, progress=lambda _, number, of, left: told.append((number, of)), most_rounds=5)
    source.draw([source.place(request_for(1), None, None)], 3, timed=True)
    assert told == [(1, 5), (2, 5), (3, 5)]


def test_time_left_is_the_rest_of_this_round_and_the_rounds_after(
    program: FakeProgram, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    told: list[float | None] = []
    source = CpuSource(store, progress=lambda *each: told.append(each[3]))
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


def test_provenance_names_command_and_commit(source: CpuSource, placed: list[Placed]) -> None:
    source.draw(placed[:1], 2, timed=True)
    provenance = source.evidence(placed[0]).provenance
    assert provenance.command == "python -m fake"
    assert provenance.commit == "abc123"
    assert provenance.hardware == READY.hardware
    assert len(provenance.seeds) == 2


def test_closing_ends_the_program(source: CpuSource, program: FakeProgram) -> None:
    source.close()
    assert program.closed == 1, "one command serves all kinds here"


# With a process


SPEAKING = """
import json, sys
print(json.dumps({"hardware": "a fake", "software": {}, "setup_seconds": 0.0}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)["workload"]
    witness = {name: asked[name] for name in ("model", "engine", "api", "tensor_parallel_degree")}
    witness |= {"device": "cpu", "forward_dtypes": ["float32"]}
    witness |= {"input_tokens": [asked["input_tokens"]], "new_tokens": [TOKENS]}
    print(json.dumps({"metrics": {"latency_seconds": 0.5}, "witness": witness}), flush=True)
"""


@pytest.mark.parametrize("tokens", [128, 127])
def test_a_real_process_is_asked(store: EvidenceStore, tokens: int) -> None:
    command = (sys.executable, "-I", "-S", "-c", SPEAKING.replace("TOKENS", str(tokens)))
    source = CpuSource(store, programs=dict.fromkeys(CpuPlatform.programs, command))
    placed = source.place(Generation(new_tokens=128), None, None)
    try:
        source.draw([placed], 2, timed=True)
        if tokens == 128:
            assert latencies(source, placed) == {1: 0.5, 2: 0.5}
        else:
            with pytest.raises(ProgramError, match=r"asked \(128,\), the run saw \(127,\)"):
                source.evidence(placed)
    finally:
        source.close()


# Sharing a time budget


class Clock:
    """Stands in for the time of day: each sample takes ten seconds, and nothing else any."""

    def __init__(self, program: FakeProgram) -> None:
        self._program = program

    def __call__(self) -> float:
        return 1e9 + 10.0 * len(self._program.asked)


@pytest.fixture
def budgeted(
    program: FakeProgram, store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], CpuSource]:
    monkeypatch.setattr(time, "time", Clock(program))
    # How long a sample took is told by another clock.
    monkeypatch.setattr(time, "monotonic", time.time)
    return lambda seconds: CpuSource(store, time_budget=seconds)


@pytest.mark.parametrize(("budget", "spare"), [(121.0, True), (119.0, False)], ids=["enough", "short"])
def test_further_rounds_leave_those_who_wait_what_one_took_so_far(
    budgeted: Callable[[float], CpuSource], store: EvidenceStore, placed: list[Placed], budget: float, spare: bool
) -> None:
    """Two workloads took 30 s each; two more wait, so 60 of the 120 s are theirs."""
    source = budgeted(budget)
    source.draw(placed[:2], 3, timed=True)
    assert source.has_time_for(placed[:2], 4, placed) is spare
    assert store.is_out_of_time("cpu") is not spare


def test_who_waits_for_nothing_owes_nothing(budgeted: Callable[[float], CpuSource], placed: list[Placed]) -> None:
    source = budgeted(61.0)
    source.draw(placed[:2], 3, timed=True)
    assert source.has_time_for(placed[:2], 4, placed[:2])
    assert not source.has_time_for(placed[:2], 4, placed[:3])


def test_what_failed_waits_no_more(
    budgeted: Callable[[float], CpuSource], program: FakeProgram, placed: list[Placed]
) -> None:
    program.misdeeds[2, 1] = dying
    source = budgeted(51.0)
    source.draw(placed[:2], 3, timed=True)
    assert program.order == "1AB 2A 3A"
    assert source.has_time_for(placed[:1], 4, placed[:2])


def test_without_a_budget_there_is_always_time(source: CpuSource, placed: list[Placed]) -> None:
    source.draw(placed[:1], 1, timed=True)
    assert source.has_time_for(placed[:1], 2, placed)


def test_what_is_measured_already_takes_no_time(
    budgeted: Callable[[float], CpuSource], store: EvidenceStore, placed: list[Placed]
) -> None:
    source = budgeted(61.0)
    source.draw(placed[:2], 3, timed=True)
    assert source.has_time_for(placed[:2], 3, placed)
    assert not store.is_out_of_time("cpu")


def test_what_an_earlier_run_measured_waits_for_nothing(
    budgeted: Callable[[float], CpuSource], store: EvidenceStore, placed: list[Placed], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = budgeted(61.0)
    source.draw(placed[:2], 3, timed=True)
    monkeypatch.setattr(store, "offered", lambda name, one: object() if one in placed[2:] else None)
    assert source.has_time_for(placed[:2], 4, placed)

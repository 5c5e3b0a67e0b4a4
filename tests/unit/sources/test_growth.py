"""How evidence grows by one round: never by one that is not what was asked, or not like those before it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from builders import witness_of

from llm_claims.errors import ProgramError, WitnessError
from llm_claims.evidence import Evidence, Outcome
from llm_claims.programs.protocol import Answer, Ready, Request
from llm_claims.sources.growth import grown
from llm_claims.workloads import Generation

WORKLOAD = Generation(
    model="llama-30m", precision="fp32", api="pipeline", new_tokens=128, input_tokens=10, prompts=2, batch_size=2
)
READY = Ready(hardware="a CPU, 2 cores", software={"torch": "2.13"}, setup_seconds=9.0)
METRICS = {"latency_seconds": 1.5, "new_tokens_per_sequence": 128, "largest_forward_batch": 2}


def request(number: int) -> Request:
    return Request(workload=WORKLOAD, round=number, seed=1000 + number)


def answer(seen: dict[str, Any] | None = None, **metrics: float) -> Answer:
    return Answer(metrics={**METRICS, **metrics}, witness=witness_of(WORKLOAD, **(seen or {})))


def grow(known: Evidence | None, number: int, said: Answer) -> Evidence:
    return grown(known, request(number), said, READY, command="python -m program", commit="abc123")


def test_the_first_round_makes_evidence() -> None:
    evidence = grow(None, 4, answer())
    assert evidence.workload == WORKLOAD
    assert evidence.rounds == (4,)
    assert evidence.witness == witness_of(WORKLOAD)
    assert evidence.series("latency_seconds").values == (1.5,)
    assert evidence.series("latency_seconds").spread == "sampled"
    assert evidence.series("new_tokens_per_sequence").spread == "exact"


def test_provenance_is_enough_to_run_it_again() -> None:
    evidence = grow(grow(None, 1, answer()), 2, answer())
    provenance = evidence.provenance
    assert (provenance.kind, provenance.hardware, provenance.software) == (
        "measured",
        "a CPU, 2 cores",
        {"torch": "2.13"},
    )
    assert (provenance.command, provenance.commit, provenance.seeds) == ("python -m program", "abc123", (1001, 1002))
    assert abs((date.today() - provenance.date).days) <= 1


def test_a_further_round_appends_what_is_noisy_and_keeps_what_is_counted() -> None:
    evidence = grow(grow(None, 1, answer(latency_seconds=1.5)), 3, answer(latency_seconds=1.7))
    assert evidence.rounds == (1, 3)
    assert evidence.metrics["latency_seconds"].samples == (1.5, 1.7)
    assert evidence.metrics["new_tokens_per_sequence"].samples == (128,)


def test_the_evidence_before_stays_as_it_was() -> None:
    first = grow(None, 1, answer())
    grow(first, 2, answer())
    assert first.rounds == (1,)
    assert first.metrics["latency_seconds"].samples == (1.5,)


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ({"new_tokens": (128, 127)}, "new_tokens: asked (128, 128), the run saw (128, 127)"),
        ({"input_tokens": (9, 10)}, "input_tokens: asked (10, 10), the run saw (9, 10)"),
        ({"forward_dtypes": ("bfloat16",)}, "forward_dtypes: asked ('float32',), the run saw ('bfloat16',)"),
        ({"forward_batch_sizes": (1,)}, "forward_batch_sizes: asked (2,), the run saw (1,)"),
        ({"api": "generate"}, "api: asked 'pipeline', the run saw 'generate'"),
        ({"model": "llama-7b"}, "model: asked 'llama-30m', the run saw 'llama-7b'"),
        ({"api": None}, "api: asked 'pipeline', the run saw None"),
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_a_run_that_was_not_what_was_asked_is_refused(number: int, seen: dict[str, Any], text: str) -> None:
    known = None if number == 1 else grow(None, 1, answer())
    with pytest.raises(WitnessError) as caught:
        grow(known, number, answer(seen))
    assert text in str(caught.value)
    assert f"round {number}" in str(caught.value)
    assert WORKLOAD.describe() in str(caught.value)


def test_a_run_without_a_witness_is_refused() -> None:
    with pytest.raises(WitnessError, match="the run carries no witness"):
        grow(None, 1, Answer(metrics=METRICS))


@pytest.mark.parametrize("kind", ["failed", "out_of_memory"])
def test_a_run_that_did_not_complete_is_refused(kind: Any) -> None:
    said = Answer(outcome=Outcome(kind=kind, signature="RuntimeError: boom"), metrics=METRICS, witness=None)
    with pytest.raises(ProgramError, match=f"round 1: the run ended {kind}: RuntimeError: boom"):
        grow(None, 1, said)


def test_a_witness_that_changes_between_rounds_is_refused() -> None:
    """Both are what was asked; yet the second ran on another device."""
    known = grow(None, 1, answer({"device": "cpu"}))
    with pytest.raises(WitnessError, match="it saw another configuration of itself than the rounds before it"):
        grow(known, 2, answer({"device": "cuda"}))


@pytest.mark.parametrize("name", ["new_tokens_per_sequence", "largest_forward_batch"])
def test_a_count_that_changes_between_rounds_is_refused(name: str) -> None:
    known = grow(None, 1, answer())
    with pytest.raises(WitnessError, match=f"{name} changed between rounds: .*, then 99"):
        grow(known, 2, answer(**{name: 99}))


@pytest.mark.parametrize("metrics", [{"latency_seconds": 1.6}, {**METRICS, "peak_host_memory_bytes": 5e9}, {}])
def test_a_round_with_other_metrics_is_refused(metrics: dict[str, float]) -> None:
    known = grow(None, 1, answer())
    with pytest.raises(WitnessError, match="it has other metrics than the rounds before it"):
        grow(known, 2, Answer(metrics=metrics, witness=witness_of(WORKLOAD)))


def test_a_metric_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ProgramError, match="a metric that nobody knows: 'speed'"):
        grow(None, 1, answer(speed=3))


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_duration_that_is_none_is_an_error_of_the_program(seconds: float) -> None:
    with pytest.raises(ProgramError, match="a duration must be positive"):
        grow(None, 1, answer(latency_seconds=seconds))


def test_a_round_cannot_be_counted_twice() -> None:
    known = grow(None, 2, answer())
    for number in (1, 2):
        with pytest.raises(ProgramError, match="rounds must ascend"):
            grow(known, number, answer())

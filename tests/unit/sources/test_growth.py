"""How evidence grows by one round: never by one that is not what was asked, or not like those before it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from builders import witness_of

from llm_claims.errors import ProgramError, Untestable, WitnessError
from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.growth import grown
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.loading.workload import Loading, LoadingWitness
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import Answer, Figure, Printed, Ready, Request
from llm_claims.workloads.training.workload import Training

WORKLOAD = Generation(
    model="llama-30m", precision="fp32", api="pipeline", new_tokens=128, input_tokens=10, prompts=2, batch_size=2
)
READY = Ready(hardware="a CPU, 2 cores", software={"torch": "2.13"}, setup_seconds=9.0)
METRICS = {"latency_seconds": 1.5, "new_tokens_per_sequence": 128, "largest_forward_batch": 2}


def answer(seen: dict[str, Any] | None = None, **metrics: float) -> Answer:
    return Answer(metrics={**METRICS, **metrics}, witness=witness_of(WORKLOAD, **{"device": "cpu", **(seen or {})}))


def grow(
    known: Evidence | None, number: int, said: Answer, device: str = "cpu", workload: Workload = WORKLOAD
) -> Evidence:
    asked = Request(workload=workload, round=number, seed=1000 + number)
    return grown(known, asked, said, READY, device=device, command="python -m program", commit="abc123")


def test_the_first_round_makes_evidence() -> None:
    evidence = grow(None, 4, answer())
    assert evidence.workload == WORKLOAD
    assert evidence.rounds == (4,)
    assert evidence.witness == witness_of(WORKLOAD, device="cpu")
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
    first = grow(None, 1, answer(latency_seconds=1.5))
    evidence = grow(first, 3, answer(latency_seconds=1.7))
    assert evidence.rounds == (1, 3)
    assert evidence.metrics["latency_seconds"].samples == (1.5, 1.7)
    assert evidence.metrics["new_tokens_per_sequence"].samples == (128,)
    assert (first.rounds, first.metrics["latency_seconds"].samples) == ((1,), (1.5,)), "it stays as it was"


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_that_was_not_what_was_asked_is_refused_and_named(number: int) -> None:
    known = None if number == 1 else grow(None, 1, answer())
    with pytest.raises(WitnessError) as caught:
        grow(known, number, answer({"new_tokens": (128, 127), "api": None}))
    assert str(caught.value).startswith(f"{WORKLOAD.describe()}, round {number}: the run was not what was asked")
    assert "api: asked 'pipeline', the run saw None; " in str(caught.value)
    assert "new_tokens: asked (128, 128), the run saw (128, 127)" in str(caught.value)
    with pytest.raises(WitnessError, match="the run carries no witness"):
        grow(known, number, Answer(metrics=METRICS))


@pytest.mark.parametrize("kind", ["failed", "out_of_memory"])
def test_a_run_that_did_not_complete_is_refused(kind: Any) -> None:
    said = Answer(outcome=Outcome(kind=kind, signature="RuntimeError: boom"), metrics=METRICS, witness=None)
    with pytest.raises(ProgramError, match=f"round 1: the run ended {kind}: RuntimeError: boom"):
        grow(None, 1, said)


def test_what_the_program_cannot_run_is_untestable_with_its_reason() -> None:
    failed = Outcome(kind="failed", signature="UnsupportedWorkload: no such engine")
    with pytest.raises(Untestable, match=r"^no such engine$"):
        grow(None, 1, Answer(outcome=failed, unsupported="no such engine"))


def test_a_witness_that_changes_between_rounds_is_refused() -> None:
    """Both are what was asked; yet the second tells how many calls it made."""
    known = grow(None, 1, answer())
    with pytest.raises(WitnessError, match="it saw another configuration of itself than the rounds before it"):
        grow(known, 2, answer({"calls": 3}))


@pytest.mark.parametrize(
    ("asked", "seen", "sound"), [("cpu", "cuda", False), ("cpu", None, True), ("cuda", None, False)]
)
def test_a_run_on_another_device_is_refused_and_on_a_gpu_one_that_did_not_look(
    asked: str, seen: str | None, sound: bool
) -> None:
    if sound:
        assert grow(None, 1, answer({"device": seen}), asked).rounds == (1,)
    else:
        with pytest.raises(WitnessError, match=f"device: asked '{asked}', the run saw {seen!r}"):
            grow(None, 1, answer({"device": seen}), asked)


def test_a_failure_is_evidence_if_it_names_whose_code_failed() -> None:
    """A program that fails by itself, as out of disk, says nothing of any engine."""
    workload = WORKLOAD.model_copy(update={"engine": "deepspeed-kernel-injection"})

    def failed(**seen: Any) -> Evidence:
        outcome = Outcome(kind="failed", signature="AttributeError: 'tuple' object has no attribute 'size'")
        return grow(
            None, 1, Answer(outcome=outcome, witness=GenerationWitness(device="cpu", **seen)), workload=workload
        )

    assert failed(engine="deepspeed-kernel-injection").outcome.kind == "failed"
    with pytest.raises(ProgramError, match="the run ended failed"):
        failed()
    with pytest.raises(WitnessError, match="engine: asked 'deepspeed-kernel-injection', the run saw 'deepspeed'"):
        failed(engine="deepspeed")


@pytest.mark.parametrize("name", ["new_tokens_per_sequence", "largest_forward_batch"])
def test_a_count_that_changes_between_rounds_is_refused(name: str) -> None:
    known = grow(None, 1, answer())
    with pytest.raises(WitnessError, match=f"{name} changed between rounds: .*, then 99"):
        grow(known, 2, answer(**{name: 99}))


def test_what_was_seen_of_a_watched_step_stays_where_every_round_has_it() -> None:
    seen = {"watched_step_seconds": 1.1, "compute_share": 0.8}
    both = trained(trained(None, 1, TRAINING, train_loss=2.0, **seen), 2, TRAINING, train_loss=2.1, **seen)
    assert both.series("compute_share").values == (0.8, 0.8)
    once = trained(both, 3, TRAINING, train_loss=2.2)
    later = trained(once, 4, TRAINING, train_loss=2.2, **seen)
    assert set(once.metrics) == set(later.metrics) == {"train_loss"}
    assert later.rounds == (1, 2, 3, 4)


@pytest.mark.parametrize("metrics", [{"latency_seconds": 1.6}, {**METRICS, "peak_device_memory_bytes": 5e9}, {}])
def test_a_round_with_other_metrics_is_refused(metrics: dict[str, float]) -> None:
    known = grow(None, 1, answer())
    with pytest.raises(WitnessError, match="it has other metrics than the rounds before it"):
        grow(known, 2, Answer(metrics=metrics, witness=witness_of(WORKLOAD, device="cpu")))


def test_a_metric_that_the_kind_has_not_is_refused() -> None:
    for known in (None, grow(None, 1, answer())):
        with pytest.raises(ProgramError, match="round 2: Generation has no metric 'latency': did you mean 'latency_"):
            grow(known, 2, answer(latency=3))


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_duration_that_is_none_is_an_error_of_the_program(seconds: float) -> None:
    with pytest.raises(ProgramError, match="a duration must be positive"):
        grow(None, 1, answer(latency_seconds=seconds))


def test_a_round_cannot_be_counted_twice() -> None:
    known = grow(None, 2, answer())
    for number in (1, 2):
        with pytest.raises(ProgramError, match="rounds must ascend"):
            grow(known, number, answer())


LOADING = Loading(
    model="llama", precision="fp16", engine="deepspeed", checkpoint="bin", model_server=True, host_memory_to_weights=1.2
)
KILLED = Outcome(kind="out_of_memory", signature="oom_kill 1")


def loaded(**seen: Any) -> Evidence:
    witness = LoadingWitness(**{"model_server": True, "host_memory_to_weights": 1.2, **seen})
    return grow(None, 1, Answer(outcome=KILLED, witness=witness), workload=LOADING)


def test_memory_that_runs_out_is_evidence_if_the_run_saw_how_much_there_was() -> None:
    evidence = loaded()
    assert evidence.outcome == KILLED
    assert evidence.metrics == {}


@pytest.mark.parametrize(
    "seen", [{"host_memory_to_weights": None}, {"host_memory_to_weights": 2.4}, {"model_server": None}, {"engine": "x"}]
)
def test_memory_that_runs_out_of_another_budget_is_refused(seen: dict[str, Any]) -> None:
    with pytest.raises(WitnessError, match="the run was not what was asked"):
        loaded(**seen)


TRAINING = Training(model="llama-tiny", ranks=1)


def trained(known: Evidence | None, number: int, workload: Training, **metrics: Figure) -> Evidence:
    said = Answer(metrics=metrics, witness=witness_of(workload, device="cpu"))
    return grow(known, number, said, workload=workload)


def test_losses_of_further_seeds_are_samples() -> None:
    evidence = trained(trained(None, 1, TRAINING, train_loss=2.0), 2, TRAINING, train_loss=2.1)
    assert evidence.series("train_loss").values == (2.0, 2.1)
    assert evidence.series("train_loss").spread == "sampled"


def test_the_loss_of_a_stated_seed_is_exact_and_may_not_change() -> None:
    seeded = TRAINING.model_copy(update={"seed": 500})
    first = trained(None, 1, seeded, train_loss=2.0)
    assert first.series("train_loss").spread == "exact"
    assert trained(first, 2, seeded, train_loss=2.0).series("train_loss").values == (2.0,)
    with pytest.raises(WitnessError, match=r"train_loss changed between rounds: 2, then 2\.1"):
        trained(first, 2, seeded, train_loss=2.1)


def test_a_series_is_kept_of_the_first_round() -> None:
    evidence = trained(trained(None, 1, TRAINING, step_losses=(3.0, 2.0)), 2, TRAINING, step_losses=(4.0, 3.0))
    assert evidence.series("step_losses").values == (3.0, 2.0)


def test_what_a_library_prints_has_a_figure_a_round() -> None:
    said = [Printed(value=value, resolution=0.1) for value in (1.5, 1.7)]
    first = trained(None, 1, TRAINING, train_runtime_seconds=said[0])
    evidence = trained(first, 2, TRAINING, train_runtime_seconds=said[1])
    series = evidence.series("train_runtime_seconds")
    assert (series.values, series.rounds, series.spread) == ((1.5, 1.7), (1, 2), "printed")
    assert series.lower == (1.45, 1.65)


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("step_losses", 3.0, "several numbers"),
        ("train_loss", (3.0, 2.0), "one number"),
        ("step_losses", Printed(value=3.0, resolution=0.1), "several numbers"),
    ],
)
def test_a_metric_in_the_wrong_form_is_refused(name: str, value: Figure, form: str) -> None:
    with pytest.raises(ProgramError, match=f"the program answered '{name}' with .*, which takes {form}"):
        trained(None, 1, TRAINING, **{name: value})


def test_rounds_of_an_earlier_day_are_noted() -> None:
    today = grow(grow(None, 1, answer()), 2, answer())
    assert today.note is None
    provenance = today.provenance.model_copy(update={"date": date(2026, 1, 2)})
    older = today.model_copy(update={"provenance": provenance, "note": "measured in a hurry"})
    evidence = grow(grow(older, 5, answer()), 6, answer())
    assert evidence.note == "measured in a hurry; rounds 1, 2 were measured until 2026-01-02"
    assert evidence.rounds == (1, 2, 5, 6)
    assert evidence.provenance.date > date(2026, 1, 2)

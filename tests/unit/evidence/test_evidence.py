"""Evidence: refused where it is not trustworthy, an error where it lacks what a relation needs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from builders import (
    MEASURED,
    count_metric,
    failed,
    measured,
    printed_metric,
    reported,
    sampled_metric,
    witness_of,
)
from pydantic import ValidationError

from llm_claims.errors import EvidenceError, Untestable
from llm_claims.evidence.evidence import Evidence, Samples
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.training.workload import Training
from llm_claims.workloads.witness import Witness

REQUEST = Generation(precision="fp32", new_tokens=4)
RUN = Training(zero_stage=1)
CUT = Samples(unit="s", spread="printed", samples=(1595,), resolution=1, rounding="down")


# Metrics


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"samples": ()}, "at least 1 item"),
        ({"samples": (math.nan,)}, "finite number"),
        ({"samples": (1.0, -0.1)}, "a duration must be positive, got -0.1 s"),
        ({"samples": (0.0,)}, "a duration must be positive, got 0 s"),
        ({"samples": (-1.0,), "unit": "s/step"}, "a duration must be positive"),
        ({"spread": "exact"}, "a duration is never exact"),
        ({"spread": "printed"}, "only a printed figure, states its resolution"),
        ({"resolution": 0.1}, "only a printed figure, states its resolution"),
        ({"spread": "printed", "resolution": 0.0}, "greater than 0"),
    ],
)
def test_what_is_no_metric_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Samples(**{"unit": "s", "spread": "sampled", "samples": (1.0,), **fields})


@pytest.mark.parametrize(
    ("metric", "spread", "lower", "upper", "rounds"),
    [
        (printed_metric("latency_seconds", 5.1, 0.1), "printed", 5.05, 5.15, ()),
        (CUT, "printed", 1595, 1596, ()),
        (count_metric("skipped_optimizer_steps", 0), "exact", 0, 0, ()),
        (sampled_metric("latency_seconds", 5.1, 5.2), "sampled", 5.1, 5.1, (3, 8)),
    ],
    ids=["nearest", "down", "no count", "live"],
)
def test_a_metric_becomes_a_series(
    metric: Samples, spread: str, lower: float, upper: float, rounds: tuple[int, ...]
) -> None:
    series = metric.series((3, 8), Metric(unit=metric.unit))
    assert (series.spread, series.lower[0], series.upper[0]) == (spread, lower, upper)
    assert (series.rounds, series.unit, series.values) == (rounds, metric.unit, metric.samples)


def test_a_live_sample_is_as_wide_as_what_measured_it_can_tell() -> None:
    samples = sampled_metric("latency_seconds", 5.0, 5.0)
    of_a_clock = samples.series((1, 2), Metric(unit="s", nature="timed"))
    assert (of_a_clock.lower[0], of_a_clock.upper[0]) == (pytest.approx(5 - 5e-7), pytest.approx(5 + 5e-7))
    stated = samples.series((1, 2), Metric(unit="s", nature="timed", resolution=0.5))
    assert (stated.lower, stated.upper) == ((4.75, 4.75), (5.25, 5.25))


# Outcomes


@pytest.mark.parametrize("kind", ["failed", "out_of_memory"])
@pytest.mark.parametrize("signature", [None, ""])
def test_a_failure_shows_its_signature(kind: Any, signature: str | None) -> None:
    with pytest.raises(ValidationError, match="needs the signature"):
        Outcome(kind=kind, signature=signature)
    assert Outcome(kind=kind, signature="CUDA out of memory").kind == kind


# Evidence that is refused


@pytest.mark.parametrize(
    ("name", "samples", "text"),
    [
        ("latency", printed_metric("latency_seconds", 5.1, 0.1), "no metric 'latency': did you mean 'latency_seconds'"),
        ("latency_seconds", Samples(unit="tokens", spread="exact", samples=(5,)), "is measured in 's', not 'tokens'"),
        ("latency_seconds", sampled_metric("latency_seconds", 5.1), "cannot be sampled in evidence that was only rep"),
    ],
)
def test_a_metric_that_is_not_of_this_workload_or_document_is_refused(name: str, samples: Samples, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        reported(REQUEST, **{name: samples})


@pytest.mark.parametrize("n", [1, 4])
def test_every_round_has_one_sample(n: int) -> None:
    with pytest.raises(ValidationError, match=f"has {n} samples for 3 rounds"):
        measured(REQUEST, latency_seconds=sampled_metric("latency_seconds", *[1.0] * n))


@pytest.mark.parametrize("rounds", [(1, 2, 2), (1, 3, 2)], ids=str)
def test_rounds_ascend(rounds: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="rounds must ascend"):
        measured(REQUEST, rounds, latency_seconds=sampled_metric("latency_seconds", 1.0, 1.1, 1.2))


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ({"new_tokens": (3,)}, r"new_tokens: asked \(4,\), the run saw \(3,\)"),
        ({"forward_dtypes": ("bfloat16",)}, "forward_dtypes: asked"),
        ({"forward_dtypes": None}, "forward_dtypes: .* the run saw None"),
    ],
)
def test_measured_evidence_needs_a_witness_that_matches(seen: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=f"the witness does not match the workload: {text}"):
        measured(REQUEST, witness=witness_of(REQUEST, **seen))


@pytest.mark.parametrize(
    ("witness", "text"),
    [
        (None, "the run carries no witness"),
        (Witness(device="cpu"), "a run of Generation shows a GenerationWitness, not a Witness"),
    ],
)
def test_measured_evidence_needs_a_witness_of_its_kind(witness: Witness | None, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Evidence(workload=REQUEST, provenance=MEASURED, witness=witness)


@pytest.mark.parametrize(
    ("name", "count", "text"),
    [
        ("new_tokens_per_sequence", 5, r"'new_tokens_per_sequence' is 5, its witness saw \(4, 4\)"),
        ("largest_forward_batch", 1, r"'largest_forward_batch' is 1, its witness saw \(1, 2\)"),
    ],
)
def test_a_count_agrees_with_the_witness(name: str, count: int, text: str) -> None:
    workload = Generation(precision="fp32", new_tokens=4, prompts=2)
    witness = witness_of(workload, forward_batch_sizes=(1, 2))
    right = {"new_tokens_per_sequence": 4, "largest_forward_batch": 2}[name]
    assert measured(workload, witness=witness, **{name: count_metric(name, right)}).series(name).values == (right,)
    with pytest.raises(ValidationError, match=text):
        measured(workload, witness=witness, **{name: count_metric(name, count)})


def test_a_failed_run_could_not_see_all_of_itself() -> None:
    seen = GenerationWitness(model=REQUEST.model)
    evidence = failed(REQUEST, "out_of_memory", "OOM", provenance=MEASURED, witness=seen)
    assert evidence.outcome.kind == "out_of_memory"
    assert failed(REQUEST, "failed", "a full disk", provenance=MEASURED).outcome.kind == "failed"
    with pytest.raises(ValidationError, match="the run carries no witness"):
        failed(REQUEST, "out_of_memory", "OOM", provenance=MEASURED)


# Series


def test_a_metric_that_was_measured_is_returned() -> None:
    metric = sampled_metric("latency_seconds", 1.0, 1.1)
    evidence = measured(REQUEST, (2, 5), latency_seconds=metric)
    assert evidence.series("latency_seconds").values == (1.0, 1.1)
    assert evidence.series("latency_seconds").rounds == (2, 5)
    assert evidence.figures("latency_seconds") == ("latency_seconds",)


@pytest.mark.parametrize("name", ["latency_seconds", "step_seconds", "no_such_metric"])
def test_a_missing_metric_is_an_error_and_never_a_zero(name: str) -> None:
    with pytest.raises(EvidenceError, match=f"no metric '{name}' in its evidence"):
        measured(REQUEST).series(name)


@pytest.mark.parametrize("kind", ["failed", "out_of_memory"])
def test_a_run_that_failed_has_no_metric_even_if_it_carries_one(kind: Any) -> None:
    latency = printed_metric("latency_seconds", 5.1, 0.1)
    evidence = failed(REQUEST, kind, "CUDA error", metrics={"latency_seconds": latency})
    with pytest.raises(EvidenceError, match=rf"the run ended {kind} \(CUDA error\), so it has no latency_seconds"):
        evidence.series("latency_seconds")


def test_an_engine_that_failed_here_leaves_nothing_to_compare() -> None:
    with pytest.raises(Untestable, match=r"Generation\(precision=fp32, new_tokens=4\) fails here: CUDA error"):
        failed(REQUEST, "failed", "CUDA error", provenance=MEASURED).series("latency_seconds")


def test_step_time_is_derived_from_runtime_and_steps() -> None:
    runtime, steps = printed_metric("train_runtime_seconds", 1470, 10), count_metric("optimizer_steps", 147)
    evidence = reported(RUN, train_runtime_seconds=runtime, optimizer_steps=steps)
    series = evidence.series("step_seconds")
    assert (series.lower, series.values, series.upper) == ((1465 / 147,), (10.0,), (1475 / 147,))
    assert (series.unit, series.spread) == ("s/step", "printed")
    assert evidence.figures("step_seconds") == ("train_runtime_seconds", "optimizer_steps")


def test_a_measured_step_time_is_not_derived() -> None:
    evidence = reported(
        RUN,
        step_seconds=printed_metric("step_seconds", 11, 1),
        train_runtime_seconds=printed_metric("train_runtime_seconds", 1470, 10),
        optimizer_steps=count_metric("optimizer_steps", 147),
    )
    assert evidence.series("step_seconds").values == (11,)
    assert evidence.figures("step_seconds") == ("step_seconds",)


@pytest.mark.parametrize("part", ["train_runtime_seconds", "optimizer_steps"])
def test_half_of_what_a_metric_derives_from_is_not_enough(part: str) -> None:
    parts = {
        "train_runtime_seconds": printed_metric("train_runtime_seconds", 1470, 10),
        "optimizer_steps": count_metric("optimizer_steps", 147),
    }
    with pytest.raises(EvidenceError, match="no metric 'step_seconds'"):
        reported(RUN, **{part: parts[part]}).series("step_seconds")

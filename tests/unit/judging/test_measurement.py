"""A measurement: metrics as attributes, read when a relation asks, and written down when they were."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from builders import Scripted, count_metric, printed_metric, recording, reported

from llm_claims.errors import EvidenceError, Untestable
from llm_claims.evidence.quantities import known
from llm_claims.judging.measurement import Measurement, check_timed, metrics_read
from llm_claims.relations import equal, every, less, outcome
from llm_claims.sources.base import Placed
from llm_claims.sources.local import LocalSource
from llm_claims.sources.recorded import RecordedSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.generation.defaults import GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.hardware import Processor
from llm_claims.workloads.training.defaults import TrainingDefaults
from llm_claims.workloads.training.workload import Training

REQUEST, RUN = Generation(new_tokens=64), Training(zero_stage=1)
SOURCE = RecordedSource(
    recording(
        reported(REQUEST, latency_seconds=printed_metric("latency_seconds", 5.1, 0.1)),
        reported(
            RUN,
            train_runtime_seconds=printed_metric("train_runtime_seconds", 1470, 10),
            optimizer_steps=count_metric("optimizer_steps", 147),
        ),
        reported(Training(zero_stage=3), rdma_speedup=printed_metric("rdma_speedup", 3, 1)),
        documented=True,
        defaults={
            "generation": GenerationDefaults(fields=Generation(model="llama-7b")),
            "training": TrainingDefaults(),
        },
    )
)


def of(workload: Generation | Training) -> Measurement:
    return Measurement(SOURCE, Placed(workload))


@pytest.fixture
def read() -> set[str]:
    """The figures that evidence was read for."""
    return set()


def test_the_metrics_of_the_kind_are_attributes() -> None:
    measurement = of(REQUEST)
    assert measurement.latency_seconds.measurements == (measurement,)
    with pytest.raises(AttributeError, match="Generation has no metric 'latency': did you mean 'latency_seconds'"):
        _ = measurement.latency
    with pytest.raises(AttributeError, match="Generation has no metric 'train_loss'"):
        _ = measurement.train_loss


def test_a_relation_tells_the_metrics_it_reads() -> None:
    request, run = of(REQUEST), of(RUN)
    assert metrics_read(outcome(request, "completed")) == []
    assert [metric.nature for metric in metrics_read(equal(run.optimizer_steps, 147))] == ["count"]
    assert [metric.nature for metric in metrics_read(less(run.train_loss, run.step_seconds))] == ["timed", "seeded"]


def test_a_measurement_can_be_copied() -> None:
    """Looking attributes up must not depend on attributes that a copy does not have yet."""
    assert copy.copy(of(REQUEST)).workload == REQUEST


def test_a_metric_is_read_late() -> None:
    placed = Placed(REQUEST)
    source = Scripted({placed: [1.0, 2.0]})
    latency = Measurement(source, placed).latency_seconds
    source.draw([placed], 1, timed=True)
    assert latency.series().values == (1.0,)
    source.draw([placed], 2, timed=True)
    assert latency.series().values == (1.0, 2.0)


def test_a_missing_metric_is_an_error() -> None:
    with pytest.raises(EvidenceError, match="no metric 'throughput_prompts_per_second'"):
        of(REQUEST).throughput_prompts_per_second.series()


def test_what_is_read_is_noted(read: set[str]) -> None:
    measurement = Measurement(SOURCE, Placed(REQUEST), read.add)
    latency = measurement.latency_seconds
    assert read == set(), "nothing is read before a relation asks"
    assert measurement.evidence.outcome.kind == "completed"
    assert read == {"outcome"}
    latency.series()
    assert read == {"latency_seconds", "outcome"}


def test_a_derived_metric_stands_on_its_parts(read: set[str]) -> None:
    assert Measurement(SOURCE, Placed(RUN), read.add).step_seconds.series().values == (10.0,)
    assert read == {"train_runtime_seconds", "optimizer_steps", "outcome"}


# Stated, or computed


def test_what_the_evidence_states_is_taken(read: set[str]) -> None:
    stated, otherwise = Measurement(SOURCE, Placed(Training(zero_stage=3)), read.add), of(RUN)
    quantity = stated.stated("rdma_speedup", otherwise=otherwise.step_seconds / 2)
    assert quantity.series().values == (3,)
    assert read == {"rdma_speedup", "outcome"}
    assert set(quantity.measurements) == {stated, otherwise}, "a live source must draw both, not knowing which it needs"


def test_what_it_does_not_state_is_computed(read: set[str]) -> None:
    measurement = Measurement(SOURCE, Placed(RUN), read.add)
    quantity = measurement.stated("rdma_speedup", otherwise=measurement.step_seconds / known(5, "s/step"))
    assert quantity.series().values == (2.0,)
    assert quantity.measurements == (measurement,)
    assert "train_runtime_seconds" in read


def test_times_alone_are_refused_where_ranks_share_cores(tmp_path: Path) -> None:
    source = LocalSource(Processor(), EvidenceStore(tmp_path))
    two, four = (Measurement(source, source.place(Training(ranks=n, zero_stage=1), None, None)) for n in (2, 4))
    check_timed(equal(two.step_losses, four.step_losses))
    check_timed(every(less(two.train_loss, four.train_loss), less(two.step_seconds, two.elapsed_seconds)))
    with pytest.raises(Untestable, match="ranks=4 would compete for this processor's cores, and times are compared"):
        check_timed(every(equal(two.step_losses, four.step_losses), less(two.step_seconds, four.step_seconds)))

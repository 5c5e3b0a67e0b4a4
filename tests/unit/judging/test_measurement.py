"""A measurement: metrics as attributes, read when a relation asks, and written down when they were."""

from __future__ import annotations

import copy

import pytest
from builders import Scripted, count_metric, printed_metric, recording, reported

from llm_claims.document.setting import Setting
from llm_claims.errors import EvidenceError, Untestable
from llm_claims.evidence.quantities import known
from llm_claims.judging.measurement import Measurement, measured
from llm_claims.sources.base import Placed
from llm_claims.sources.recorded import RecordedSource
from llm_claims.sources.unavailable import UnavailableSource
from llm_claims.workloads.generation.defaults import GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
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


def test_the_metrics_of_the_kind_are_attributes() -> None:
    measurement = of(REQUEST)
    assert measurement.latency_seconds.measurements == (measurement,)
    assert measurement.figures_read == set(), "nothing is read before a relation asks"
    with pytest.raises(AttributeError, match="Generation has no metric 'latency': did you mean 'latency_seconds'"):
        _ = measurement.latency
    with pytest.raises(AttributeError, match="Generation has no metric 'train_loss'"):
        _ = measurement.train_loss


@pytest.mark.parametrize(
    ("metrics", "timed", "varies"),
    [
        ([], False, False),
        (["new_tokens_per_sequence"], False, False),
        (["new_tokens_per_sequence", "peak_device_memory_bytes"], False, True),
        (["peak_device_memory_bytes", "latency_seconds"], True, True),
    ],
)
def test_the_metrics_asked_for_say_how_to_measure(metrics: list[str], timed: bool, varies: bool) -> None:
    measurement = of(REQUEST)
    for metric in metrics:
        getattr(measurement, metric)
    assert (measurement.timed, measurement.varies) == (timed, varies)


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


def test_what_was_read_is_written_down() -> None:
    measurement = of(REQUEST)
    assert measurement.evidence.outcome.kind == "completed"
    assert measurement.figures_read == {"outcome"}
    measurement.latency_seconds.series()
    assert measurement.figures_read == {"latency_seconds", "outcome"}


def test_a_derived_metric_stands_on_its_parts() -> None:
    measurement = of(RUN)
    assert measurement.step_seconds.series().values == (10.0,)
    assert measurement.figures_read == {"train_runtime_seconds", "optimizer_steps", "outcome"}


# Stated, or computed


def test_what_the_evidence_states_is_taken() -> None:
    stated, otherwise = of(Training(zero_stage=3)), of(RUN)
    quantity = stated.stated("rdma_speedup", otherwise=otherwise.step_seconds / 2)
    assert quantity.series().values == (3,)
    assert stated.figures_read == {"rdma_speedup", "outcome"}
    assert otherwise.figures_read == set()
    assert quantity.measurements == (stated, otherwise), "a live source must draw both, not knowing which it needs"


def test_what_it_does_not_state_is_computed() -> None:
    measurement = of(RUN)
    quantity = measurement.stated("rdma_speedup", otherwise=measurement.step_seconds / known(5, "s/step"))
    assert quantity.series().values == (2.0,)
    assert quantity.measurements == (measurement,)
    assert "train_runtime_seconds" in measurement.figures_read


# Binding


def test_binding_fills_open_fields() -> None:
    found = measured(SOURCE, Generation(new_tokens=64), Setting("a", precision="fp16"), "g5.2xlarge")
    assert found.workload == Generation(model="llama-7b", precision="fp16", new_tokens=64)
    assert found.placed.instance == "g5.2xlarge"


def test_binding_to_a_source_that_cannot_is_untestable() -> None:
    with pytest.raises(Untestable, match="no GPU here"):
        measured(UnavailableSource("gpu", "no GPU here"), REQUEST, None, None)

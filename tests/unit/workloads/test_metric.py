"""Metrics of the kinds that come with the package: one meaning a name."""

from __future__ import annotations

import pytest

from llm_claims.workloads import built_in
from llm_claims.workloads.metric import DURATIONS, Metric


def test_seconds_are_durations_which_anything_else_on_the_machine_disturbs() -> None:
    """A duration must be positive, so none may hide under another unit."""
    for name, metric in ((name, metric) for kind in built_in() for name, metric in kind.metrics.items()):
        assert metric.unit in DURATIONS or not name.endswith("_seconds"), name
        assert metric.unit not in DURATIONS or ("seconds" in name and metric.timed), name


def test_a_quotient_has_the_unit_of_its_parts() -> None:
    found = [(kind.metrics, metric) for kind in built_in() for metric in kind.metrics.values() if metric.quotient_of]
    assert found
    for metrics, metric in found:
        numerator, denominator = (metrics[part].unit for part in metric.quotient_of)
        assert metric.unit == f"{numerator}/{denominator.removesuffix('s')}"


@pytest.mark.parametrize(
    ("nature", "varies", "timed"),
    [("count", False, False), ("seeded", True, False), ("noisy", True, False), ("timed", True, True)],
)
def test_its_nature_tells_whether_another_round_says_something_new(nature, varies: bool, timed: bool) -> None:
    metric = Metric(unit="s", nature=nature)
    assert (metric.varies, metric.timed) == (varies, timed)


@pytest.mark.parametrize(
    ("metric", "width"),
    [
        (Metric(unit="s", nature="timed"), 1e-6),
        (Metric(unit="s/step", nature="timed"), 1e-6),
        (Metric(unit="prompts/s", nature="timed"), 2e-5),
        (Metric(unit="prompts/s", nature="timed", resolution=0.5), 0.5),
        (Metric(unit="nats", nature="seeded"), 0),
        (Metric(unit="bytes", nature="noisy", resolution=1024), 1024),
        (Metric(unit="steps"), 0),
    ],
)
def test_what_is_timed_is_known_to_the_resolution_of_the_clock(metric: Metric, width: float) -> None:
    assert metric.resolution_at(20.0) == pytest.approx(width)

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

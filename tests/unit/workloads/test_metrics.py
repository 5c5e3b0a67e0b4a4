"""Metrics: one name, one unit."""

from __future__ import annotations

from typing import get_args

import pytest
from llm_claims.workloads.metrics import DERIVED, DURATIONS, FROM_THE_SEED, METRICS, NOISY, SERIES, TIMED, Unit


def test_every_unit_is_a_known_one() -> None:
    assert set(METRICS.values()) <= set(get_args(Unit))
    assert set(get_args(Unit)) >= DURATIONS
    assert {name for name, unit in METRICS.items() if unit in DURATIONS} <= NOISY & TIMED


def test_a_metric_varies_for_one_reason_at_most() -> None:
    assert set(METRICS) >= NOISY | FROM_THE_SEED | SERIES | TIMED
    assert not NOISY & FROM_THE_SEED
    assert not SERIES & (NOISY | FROM_THE_SEED | TIMED)
    assert not TIMED & FROM_THE_SEED


@pytest.mark.parametrize("name", [name for name in METRICS if name.endswith("_seconds")])
def test_seconds_are_durations(name: str) -> None:
    """A duration must be positive, so none may hide under another unit."""
    assert METRICS[name] in DURATIONS


@pytest.mark.parametrize("name", [name for name, unit in METRICS.items() if unit in DURATIONS])
def test_durations_are_named_as_seconds(name: str) -> None:
    assert "seconds" in name


@pytest.mark.parametrize(("name", "parts"), DERIVED.items())
def test_a_derived_metric_has_the_unit_of_its_quotient(name: str, parts: tuple[str, str]) -> None:
    numerator, denominator = (METRICS[part] for part in parts)
    assert METRICS[name] == f"{numerator}/{denominator.removesuffix('s')}"
    assert name not in parts

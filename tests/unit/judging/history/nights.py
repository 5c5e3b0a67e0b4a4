"""Nights for tests: one figure, drawn with noise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from llm_claims.judging.history.night import Figure, Night

START = datetime(2026, 1, 1, 3, tzinfo=UTC)


def figure(value: float, **fields: Any) -> Figure:
    return Figure(
        **{"key": "k", "metric": "latency_seconds", "unit": "s", "what": "a request", "value": value, **fields}
    )


def night(number: int, *figures: Figure, **fields: Any) -> Night:
    found = {
        "run": f"run-{number}",
        "time": START + timedelta(days=number),
        "source": "cpu",
        "hardware": "EPYC",
        "software": {"torch": "2.13.0"},
        "commit": "a" * 40,
        "figures": figures,
        **fields,
    }
    return Night(**found)


def nights(values: Iterable[float | None], first: int = 0, **fields: Any) -> list[Night]:
    """One night for each value; ``None`` is a night with another figure alone."""
    other = figure(1.0, metric="ttft_seconds")
    return [
        night(number, *(() if value is None else (figure(value),)), other, **fields)
        for number, value in enumerate(values, start=first)
    ]


def noisy(count: int, level: float = 1.0, noise: float = 0.03, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [level * (1 + noise * random.gauss(0, 1)) for _ in range(count)]

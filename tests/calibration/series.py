"""Series to try detectors on: quiet noise of several kinds, simulated or resampled from the recordings, and steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int, int], Array]
"""Makes ``(series, nights)`` logarithms around zero with a standard deviation of one, or in units of a stated noise."""

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"
HUMPS = (0.52, 0.59)
"""Seconds of one request on one H100, in one process and in another."""


def normal(rng: np.random.Generator, series: int, nights: int) -> Array:
    return rng.standard_normal((series, nights))


def student(freedom: int) -> Noise:
    """Student's t, scaled to a standard deviation of one."""

    def draw(rng: np.random.Generator, series: int, nights: int) -> Array:
        return rng.standard_t(freedom, (series, nights)) * np.sqrt((freedom - 2) / freedom)

    return draw


def autocorrelated(coefficient: float) -> Noise:
    def draw(rng: np.random.Generator, series: int, nights: int) -> Array:
        noise = rng.standard_normal((series, nights))
        for night in range(1, nights):
            noise[:, night] = coefficient * noise[:, night - 1] + np.sqrt(1 - coefficient**2) * noise[:, night]
        return noise

    return draw


def raw_normal(noise: float) -> Noise:
    """Normal on the raw scale, so a little skewed in the logarithms; in units of ``noise``."""

    def draw(rng: np.random.Generator, series: int, nights: int) -> Array:
        return np.log1p(noise * rng.standard_normal((series, nights))) / noise

    return draw


def laplace(rng: np.random.Generator, series: int, nights: int) -> Array:
    return rng.laplace(size=(series, nights)) / np.sqrt(2)


def contaminated(rng: np.random.Generator, series: int, nights: int) -> Array:
    """Normal, but for one night in twenty with five times the spread."""
    wide = np.where(rng.random((series, nights)) < 0.05, 5, 1)
    return wide * rng.standard_normal((series, nights)) / np.sqrt(0.95 + 0.05 * 25)


def log_normal(rng: np.random.Generator, series: int, nights: int) -> Array:
    """A log-normal delay on top of a constant: skewed in the logarithms too."""
    delay = 0.1 * np.exp(0.6 * rng.standard_normal((series, nights)))
    return (np.log1p(delay) - 0.108) / 0.0654


def student_autocorrelated(rng: np.random.Generator, series: int, nights: int) -> Array:
    """AR(1) of 0.3 whose innovations are Student's t with three degrees of freedom."""
    noise = student(3)(rng, series, nights + 20)
    for night in range(1, nights + 20):
        noise[:, night] = 0.3 * noise[:, night - 1] + np.sqrt(1 - 0.09) * noise[:, night]
    return noise[:, 20:]


def humps(often: float, noise: float = 0.03, inside: float = 0.02) -> Noise:
    """A share ``often`` of the nights on the upper of two humps; in units of ``noise``."""

    def draw(rng: np.random.Generator, series: int, nights: int) -> Array:
        upper = rng.random((series, nights)) < often
        logs = np.log(HUMPS[1] / HUMPS[0]) * upper + inside * rng.standard_normal((series, nights))
        return logs / noise

    return draw


def recorded(name: str, metric: str, noise: float = 0.03) -> Noise:
    """Resample what rounds of one workload differ by in a recording; in units of ``noise``.

    Deviations of the logarithms from the mean of their workload, widened for what the mean took: √(n/(n−1)).
    """
    pool: list[float] = []
    content = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    for evidence in content["evidence"]:
        samples = evidence.get("metrics", {}).get(metric, {}).get("samples", [])
        if len(samples) > 2:
            logs = np.log(samples)
            pool += list((logs - logs.mean()) * np.sqrt(len(logs) / (len(logs) - 1)))

    def draw(rng: np.random.Generator, series: int, nights: int) -> Array:
        return rng.choice(np.array(pool), (series, nights)) / noise

    return draw

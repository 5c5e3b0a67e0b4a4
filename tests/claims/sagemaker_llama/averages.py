"""Averages of a run's per-step losses, computed from the losses and not taken from a logger's word.

Loggers add up losses in fp32. Of m additions the relative error is at most 2m u / (1 - 2m u), u = 2^-24,
the product with a weight and the last division included (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, lemma 3.1): each average here is the interval of what such a logger may say.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from statistics import fmean

from llm_claims import Measurement, Quantity
from llm_claims.evidence.series import Series

FP32_ROUNDING = 2.0**-24


def mean(run: Measurement) -> Quantity:
    """Mean over all steps: one value."""
    losses = run.step_losses
    return _rounded(lambda: [fmean(losses.series().values)], run, losses)


def window_means(run: Measurement) -> Quantity:
    """Mean of each window of ``logging_steps`` steps; a last window that was never logged is left out."""
    losses, logging_steps = run.step_losses, run.logging_steps

    def values() -> Iterator[float]:
        steps, window = losses.series().values, int(logging_steps.series().values[0])
        for start in range(0, len(steps) - window + 1, window):
            yield fmean(steps[start : start + window])

    return _rounded(values, run, losses, logging_steps)


def running_means(run: Measurement) -> Quantity:
    """Mean of all steps so far, at every ``logging_steps``-th step."""
    losses, logging_steps = run.step_losses, run.logging_steps

    def values() -> Iterator[float]:
        steps, window = losses.series().values, int(logging_steps.series().values[0])
        sums = list(accumulate(steps))
        for done in range(window, len(steps) + 1, window):
            yield sums[done - 1] / done

    return _rounded(values, run, losses, logging_steps)


def _rounded(values, run: Measurement, losses: Quantity, *others: Quantity) -> Quantity:
    """The values, each as the interval of an average of all micro-batches of the run in fp32."""

    def read() -> Series:
        additions = 2 * losses.series().n * (run.workload.gradient_accumulation or 1) + 2
        error = additions * FP32_ROUNDING / (1 - additions * FP32_ROUNDING)
        exact = tuple(values())
        lower, upper = (tuple(value * (1 + sign * error) for value in exact) for sign in (-1, 1))
        return Series(exact, lower, upper, "nats", "printed")

    return Quantity(read, losses, *others)

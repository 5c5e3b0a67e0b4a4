"""Averages of a run's per-step losses, computed from the losses and not taken from a logger's word."""

from __future__ import annotations

from itertools import accumulate
from statistics import fmean

from llm_claims import Quantity
from llm_claims.series import Series


def mean(step_losses: Quantity) -> Quantity:
    """Mean over all steps: one value."""
    return Quantity(lambda: Series.exact(fmean(step_losses.series().values), unit="nats"), *step_losses.measurements)


def window_means(step_losses: Quantity, logging_steps: Quantity) -> Quantity:
    """Mean of each window of ``logging_steps`` steps; a last window that was never logged is left out."""

    def read() -> Series:
        losses, window = step_losses.series().values, int(logging_steps.series().values[0])
        starts = range(0, len(losses) - window + 1, window)
        return Series.exact(*(fmean(losses[start : start + window]) for start in starts), unit="nats")

    return Quantity(read, *step_losses.measurements)


def running_means(step_losses: Quantity, logging_steps: Quantity) -> Quantity:
    """Mean of all steps so far, at every ``logging_steps``-th step."""

    def read() -> Series:
        losses, window = step_losses.series().values, int(logging_steps.series().values[0])
        sums = list(accumulate(losses))
        return Series.exact(*(sums[i - 1] / i for i in range(window, len(losses) + 1, window)), unit="nats")

    return Quantity(read, *step_losses.measurements)

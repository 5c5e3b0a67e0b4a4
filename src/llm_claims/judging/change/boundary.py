"""How much evidence an alarm needs, night by night, so that a budget of false alarms is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llm_claims.errors import UsageError
from llm_claims.judging.change.constants import BOUNDARY, COMMONER, RATE

FIRST = 10
"""Nights without which nothing is said: before, five against five are the most there is to compare."""
LEARNING = 30
"""Nights in which little is known of the noise, so that power is dear; never more than a third of the horizon."""
SHARE_OF_LEARNING = 0.02
"""Of the budget, for the nights of learning: enough for what cannot be missed."""
RATES = (1e-5, 3e-3)
"""Alarms a night for which the boundary was simulated."""


def boundary(alarm_budget: float, horizon: int) -> Sequence[float]:
    """Log odds that the evidence must exceed on the n-th night; the last entry holds for all nights after it.

    The budget is spent evenly over the nights after those of learning (alpha spending; Lan & DeMets, Biometrika 70,
    1983); each horizon after the first has a whole budget again.

    Raises
    ------
    UsageError
        So small or so large a rate of alarms was not simulated.
    """
    learning = min(LEARNING, horizon // 3)
    rates = [SHARE_OF_LEARNING * alarm_budget / LEARNING] * (learning + 1)
    rates += [(1 - SHARE_OF_LEARNING) * alarm_budget / (horizon - learning)] * (horizon - learning)
    rates.append(alarm_budget / horizon)
    least, most = RATES
    if not least <= rates[-1] <= most:
        raise UsageError(
            f"an alarm_budget of {alarm_budget:g} in {horizon} nights is {rates[-1]:.2g} alarms a night; boundaries "
            f"were simulated for {least:g} to {most:g}: choose another alarm_budget or horizon"
        )
    return [math.inf if night < FIRST else needed(night, rate) for night, rate in enumerate(rates)]


def needed(night: int, rate: float) -> float:
    """Log odds that quiet normal noise exceeds for the first time on this night with the probability ``rate``.

    Odds of more than e to the power of x come at most with a frequency that falls like that power of -x (Markov), so
    that for rarer alarms a slope of one is enough; for commoner ones it was simulated.
    """
    rarity = math.log(RATE / rate)
    return at_reference(night) + rarity * (1 if rarity > 0 else COMMONER)


def at_reference(night: int) -> float:
    """Interpolate the simulated boundary, which is for ``RATE``, in the logarithm of the night."""
    nights, odds = zip(*BOUNDARY, strict=True)
    if night >= nights[-1]:
        return float(odds[-1])
    upper = next(i for i, n in enumerate(nights) if n > night)
    if upper == 0:
        return float(odds[0])
    part = math.log(night / nights[upper - 1]) / math.log(nights[upper] / nights[upper - 1])
    return float(odds[upper - 1] + part * (odds[upper] - odds[upper - 1]))

"""Derive the detector's constants by simulation: ``python -m tests.calibration.derive``; ten minutes on two cores.

1. The weights of the models of noise. They are those, among powers of 1.5, that find a step of 10% at 3% noise after 30
   nights most often (mean of the power after 2, 3 and 5 nights, and half that after one), while all false alarms in
   100 nights stay within ``LIMITS``: normal noise as promised, and what the issue's figures ask of the others, each
   less two standard errors of this simulation. Ascent along `DIRECTIONS` from `START`, near the best of 300 random
   ones.
2. The boundary: log odds that quiet normal noise crosses for the first time with the probability ``RATE`` a night,
   for blocks of nights, smoothed by a parabola in the logarithm of the night.
3. How the boundary moves towards commoner alarms (towards rarer ones: `boundary.needed`).
4. A last shift of the whole boundary, so that of fresh series of normal noise ``ALARMS`` alarm within the horizon.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import llm_claims.judging.change
from llm_claims.judging.change.boundary import FIRST, LEARNING, SHARE_OF_LEARNING
from llm_claims.judging.change.detector import WORSE
from tests.calibration.scores import Scores, score
from tests.calibration.series import autocorrelated, humps, normal, student

Array = NDArray[np.float64]
NIGHTS, BUDGET, NOISE, STEP = 100, 0.05, 0.03, np.log(1.1)
LIMITS = {"normal": 0.049, "t3": 0.057, "AR(1) 0.3": 0.057, "humps 0.3": 0.057, "humps 0.2": 0.057}
QUIET = {
    "normal": (normal, 1.0),
    "t3": (student(3), 0.7),
    "AR(1) 0.3": (autocorrelated(0.3), 0.7),
    "humps 0.3": (humps(0.3), 0.15),
    "humps 0.2": (humps(0.2), 0.15),
}
"""Noise, and the share of the series that it gets."""
RATE = (1 - SHARE_OF_LEARNING) * BUDGET / (NIGHTS - LEARNING)
ALARMS = 0.048
"""The budget, less a standard error of this simulation and of the next one."""
EARLY = (FIRST, 14, 19, 25, LEARNING + 1)
LATE = (LEARNING + 1, 34, 38, 44, 52, 62, 75, 88, NIGHTS + 1)
KNOTS = (10, 13, 17, 22, 30, 31, 37, 45, 55, 70, 85, 100)
BASE = 1.5
START = (2, 4, 0, -11)
"""Powers of ``BASE``: the weights of the second to fourth model against the first, and of a step in the fourth."""
DIRECTIONS = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (1, 1, 1, 0), (1, -1, 0, 0))


class Trial:
    """Simulated evidence, and what weights make of it."""

    def __init__(self, series: int, seed: int) -> None:
        self.quiet: dict[str, Scores] = {}
        for number, (name, (noise, share)) in enumerate(QUIET.items()):
            rng = np.random.default_rng([seed, number])
            self.quiet[name] = score(noise(rng, int(series * share), NIGHTS), FIRST)
            print(f"simulated {name}", flush=True)
        stepped = normal(np.random.default_rng([seed, 99]), series, 35)
        stepped[:, 30:] += STEP / NOISE
        self.stepped = score(stepped, LEARNING + 1)

    def boundary(self, odds: Array, budget: float) -> Array:
        """The boundary by night that spends the budget: so much in learning, then evenly."""
        rates = [
            SHARE_OF_LEARNING * budget / (LEARNING + 1 - FIRST),
            (1 - SHARE_OF_LEARNING) * budget / (NIGHTS - LEARNING),
        ]
        bound = crossing(self.quiet["normal"], odds, ((FIRST, LEARNING + 1), LATE), rates)
        # As smooth as the boundary will be: weights must not profit from the luck of a few nights.
        bound[LEARNING + 1 :] = np.polyval(smooth(LATE, bound), np.log(np.arange(LEARNING + 1, NIGHTS + 1)))
        return bound + excess(self.quiet["normal"], odds, bound, budget)

    def judge(self, weights: tuple[float, ...]) -> tuple[float, dict[str, float], list[float]]:
        """Goodness, false alarms and power of weights, at the largest budget that keeps all limits."""
        quiet, step = normalized(1.0, *weights[:3]), normalized(1.0, weights[3])
        odds = {name: scores.log_odds(WORSE, quiet, step) for name, scores in self.quiet.items()}
        low, high, budget = 0.0, LIMITS["normal"], LIMITS["normal"]
        for _ in range(7):
            bound = self.boundary(odds["normal"], budget)
            alarms = {n: float(np.mean(s.first_alarm(odds[n], bound) <= NIGHTS)) for n, s in self.quiet.items()}
            if all(alarms[name] <= LIMITS[name] + 1e-9 for name in LIMITS):
                low, kept = budget, (bound, alarms)
                if budget == high:
                    break
            else:
                high = budget
            budget = (low + high) / 2
        if not low:
            return 0.0, alarms, []
        bound, alarms = kept
        found = self.stepped.first_alarm(self.stepped.log_odds(WORSE, quiet, step), bound)
        power = [float(np.mean(found <= 30 + nights)) for nights in (1, 2, 3, 5)]
        return power[0] / 2 + sum(power[1:]), alarms, power


def crossing(scores: Scores, odds: Array, blocks: tuple[tuple[int, ...], ...], rates: list[float]) -> Array:
    """The boundary by night whose first crossings come at these rates a night, constant in each block of nights."""
    bound = np.full(NIGHTS + 1, np.inf)
    alive = np.ones(scores.series, bool)
    for edges, rate in zip(blocks, rates, strict=True):
        for start, end in pairwise(edges):
            here = (scores.night >= start) & (scores.night < end) & alive[scores.row]
            highest = np.full(scores.series, -np.inf)
            np.maximum.at(highest, scores.row[here], odds[here])
            wanted = max(round(rate * (end - start) * scores.series), 1)
            level = np.partition(highest[alive], -wanted - 1)[-wanted - 1]
            bound[start:end] = level
            alive &= highest <= level
    return bound


def excess(scores: Scores, odds: Array, bound: Array, budget: float) -> float:
    """By how much a boundary must rise, or may fall, so that the budget is spent."""
    above = np.full(scores.series, -np.inf)
    np.maximum.at(above, scores.row, odds - bound[scores.night])
    return float(np.quantile(above, 1 - budget))


def weights_of(trial: Trial) -> tuple[float, ...]:
    """Climb until no step of ``BASE`` or its square in any direction is better."""
    best = (trial.judge(as_weights(START))[0], START)
    stride = 2
    while stride:
        improved = False
        for direction in DIRECTIONS:
            for change in (stride, -stride):
                tried = tuple(power + change * part for power, part in zip(best[1], direction, strict=True))
                goodness, alarms, power = trial.judge(as_weights(tried))
                if goodness > best[0] + 2e-3:
                    best, improved = (goodness, tried), True
                    print(
                        as_weights(tried), {n: round(a, 4) for n, a in alarms.items()}, np.round(power, 3), flush=True
                    )
        stride = stride if improved else stride // 2
    return as_weights(best[1])


def as_weights(powers: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(float(f"{BASE**power:.3g}") for power in powers)


def normalized(*weights: float) -> tuple[float, ...]:
    return tuple(float(f"{weight / sum(weights):.4g}") for weight in weights)


def smooth(edges: tuple[int, ...], bound: Array) -> Array:
    """Coefficients of a parabola in log(night), or of a line through fewer than five blocks."""
    nights = np.array([np.sqrt(a * (b - 1)) for a, b in pairwise(edges)])
    return np.polyfit(np.log(nights), bound[list(edges[:-1])], 2 if len(nights) > 4 else 1)


def boundaries(series: int, seed: int, quiet: tuple[float, ...], step: tuple[float, ...]) -> dict[str, object]:
    """The table of the boundary at ``RATE`` and its slope towards commoner alarms."""
    normal_noise = score(normal(np.random.default_rng([seed, 50]), series, NIGHTS), FIRST)
    odds = normal_noise.log_odds(WORSE, quiet, step)
    early = smooth(EARLY, crossing(normal_noise, odds, (EARLY,), [RATE]))
    learning = SHARE_OF_LEARNING * BUDGET / LEARNING
    curves = {
        times: smooth(LATE, crossing(normal_noise, odds, ((FIRST, LEARNING + 1), LATE), [learning, times * RATE]))
        for times in (1.0, 4.0)
    }
    middle = {times: float(np.mean(np.polyval(curve, np.log(KNOTS[5:])))) for times, curve in curves.items()}
    nights = np.arange(FIRST, NIGHTS + 1)
    level = np.full(NIGHTS + 1, np.inf)
    level[FIRST:] = np.polyval(curves[1.0], np.log(nights))
    level[FIRST : LEARNING + 1] = np.polyval(early, np.log(nights[: LEARNING + 1 - FIRST]))
    spent = level.copy()
    spent[: LEARNING + 1] += np.log(RATE / learning)
    fresh = score(normal(np.random.default_rng([seed, 51]), series, NIGHTS), FIRST)
    raised = excess(fresh, fresh.log_odds(WORSE, quiet, step), spent, ALARMS)
    return {
        "BOUNDARY": tuple((n, round(float(level[n]) + raised, 2)) for n in KNOTS),
        "COMMONER": round(float(middle[1.0] - middle[4.0]) / float(np.log(4)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weights", type=float, nargs=4, help="skip their derivation")
    options = parser.parse_args()
    weights = tuple(options.weights or weights_of(Trial(options.series, options.seed)))
    quiet, step = normalized(1.0, *weights[:3]), normalized(1.0, weights[3])
    rows = {
        "QUIET_WEIGHTS": quiet,
        "STEP_WEIGHTS": step,
        "RATE": RATE,
        **boundaries(2 * options.series, options.seed, quiet, step),
    }
    said = f"series {options.series}, seed {options.seed}"
    text = f'"""Written by ``tests/calibration/derive.py`` ({said}); not to be edited by hand."""\n\n'
    text += "".join(f"{name} = {value!r}\n" for name, value in rows.items())
    Path(llm_claims.judging.change.__file__).with_name("constants.py").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

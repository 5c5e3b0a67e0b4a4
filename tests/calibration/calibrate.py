"""How often the change detector, and what others use, alarm in quiet nights, and how soon they find a change.

``make calibrate`` writes ``docs/calibration.md`` and its pictures. Two seeds are run; where their rates differ by more
than their errors allow, it fails.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm_claims.judging.change import ChangeDetector
from llm_claims.judging.change.boundary import FIRST, LEARNING, boundary
from llm_claims.judging.change.detector import WORSE
from tests.calibration import baselines
from tests.calibration.bounds import bounds
from tests.calibration.scores import score
from tests.calibration.series import (
    Noise,
    autocorrelated,
    contaminated,
    humps,
    laplace,
    log_normal,
    normal,
    raw_normal,
    recorded,
    student,
    student_autocorrelated,
)

Array = NDArray[np.float64]
Nights = NDArray[np.int64]
Detector = Callable[[Array], Nights]
"""From logarithms of figures, shape (series, nights), to the night of the first alarm of each, counted from one."""

DOCS = Path(__file__).parents[2] / "docs"
NIGHTS, BEFORE, NOISE, STEP = 100, LEARNING, 0.03, 1.1
AFTER = (1, 2, 3, 5)
FARTHEST = 3.5
"""Standard errors by which the two seeds may differ in the worst of all cells."""

NOISES: dict[str, Noise] = {
    "normal (log-normal figures), 3%": normal,
    "t3": student(3),
    "AR(1) 0.3": autocorrelated(0.3),
    "two humps, half the nights on the upper": humps(0.5),
    "two humps, three in ten": humps(0.3),
    "two humps, one in five": humps(0.2),
}
FURTHER: dict[str, Noise] = {
    "normal on the raw scale, 1%": raw_normal(0.01),
    "normal on the raw scale, 5%": raw_normal(0.05),
    "log-normal delay on a constant": log_normal,
    "recorded: latency on one H100": recorded("h100-2026-11", "latency_seconds"),
    "recorded: step time on two H200": recorded("h200x2-2026-11", "step_seconds"),
    "recorded: step time, deterministic": recorded("h200x2-deterministic-2026-11", "step_seconds"),
    "t5": student(5),
    "Laplace": laplace,
    "one night in twenty five times as noisy": contaminated,
    "two humps, one in ten": humps(0.1),
    "AR(1) 0.5": autocorrelated(0.5),
    "AR(1) 0.3 with t3": student_autocorrelated,
}


@dataclass(frozen=True)
class Rate:
    """A share of simulated series, with its standard error."""

    hits: int
    series: int

    @classmethod
    def of(cls, hits: NDArray[np.bool_]) -> Rate:
        return cls(int(hits.sum()), len(hits))

    @property
    def share(self) -> float:
        return self.hits / max(self.series, 1)

    @property
    def error(self) -> float:
        """By Agresti & Coull (1998), so that it is never zero."""
        share = (self.hits + 2) / (self.series + 4)
        return float(np.sqrt(share * (1 - share) / (self.series + 4)))

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.hits + other.hits, self.series + other.series)

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} ±{200 * self.error:.1f}"


Cells = dict[tuple[str, str, str], Rate]
"""Table, row and column of each rate."""


def ours(budget: float = 0.05, horizon: int = 100) -> Detector:
    bound = np.array(boundary(budget, horizon))

    def run(logs: Array) -> Nights:
        scores = score(logs, FIRST)
        return scores.first_alarm(scores.log_odds(WORSE), bound)

    return run


def windowed(seed: int, noise: Noise, *, welch: bool) -> Detector:
    """A windowed t test whose p was calibrated to 5% of alarms in the nights after the 30th, under this noise."""
    logs = NOISE * noise(np.random.default_rng([seed, 7]), 8000, NIGHTS)
    p = float(np.quantile(baselines.least_p(np.exp(logs), BEFORE + 1, welch=welch).min(axis=1), 0.05))
    return lambda logs: baselines.windowed(np.exp(logs), BEFORE + 1, p, welch=welch)


def stepped(noise: Noise, rng: np.random.Generator, series: int, level: float, ratio: float = STEP) -> Array:
    logs = level * noise(rng, series, BEFORE + max(AFTER))
    logs[:, BEFORE:] += np.log(ratio)
    return logs


def detectors(seed: int) -> dict[str, Detector]:
    return {
        "llm-claims": ours(),
        "windowed t at 5%": windowed(seed, normal, welch=False),
        "windowed Welch at 5%": windowed(seed, normal, welch=True),
        "windowed t at 5% of t3": windowed(seed, student(3), welch=False),
        "mean:5%": lambda logs: baselines.compare_fail(np.exp(logs), 2),
        **OTHERS,
    }


OTHERS: dict[str, Detector] = {
    "Apache Otava": lambda logs: baselines.otava(np.exp(logs), FIRST),
    "asv": lambda logs: baselines.asv(np.exp(logs), FIRST),
}
"""These look at the whole series every night, which takes long: fewer series, of normal noise and t3."""


def detected(name: str, detect: Detector, logs: Array) -> Nights:
    """First alarms; of a rule that looks at two nights only, those after the quiet nights."""
    if name != "mean:5%":
        return detect(logs)
    found = detect(logs[:, BEFORE - 1 :])
    return np.where(found == baselines.NEVER, found, found + BEFORE - 1)


def alarms_and_power(seed: int, series: int, others: int) -> Iterable[tuple[tuple[str, str, str], Rate]]:
    asked = detectors(seed)
    for number, (name, noise) in enumerate(NOISES.items()):
        for column, detect in asked.items():
            most = series if column not in OTHERS else others if number < 2 else 0
            if not most:
                continue
            rng = np.random.default_rng([seed, 100 + number])
            yield ("alarms", name, column), Rate.of(detect(NOISE * noise(rng, most, NIGHTS)) <= NIGHTS)
            found = detected(column, detect, stepped(noise, rng, most, NOISE))
            later = found > BEFORE
            for nights in AFTER:
                yield (f"power {name}", column, f"{nights}"), Rate.of(found[later] <= BEFORE + nights)


def further(seed: int, series: int) -> Iterable[tuple[tuple[str, str, str], Rate]]:
    detect = ours()
    for number, (name, noise) in enumerate(FURTHER.items()):
        rng = np.random.default_rng([seed, 200 + number])
        level = 0.05 if "5%" in name else 0.01 if "1%" in name else NOISE
        yield ("further", name, "alarms"), Rate.of(detect(level * noise(rng, series, NIGHTS)) <= NIGHTS)
        found = detect(stepped(noise, rng, series, level))
        yield ("further", name, "+10% in 5 nights"), Rate.of(found[found > BEFORE] <= BEFORE + 5)
    for number, level in enumerate((0.01, 0.02, 0.03, 0.05)):
        for ratio in (1.05, 1.1, 1.2, 1 / 1.1):
            logs = stepped(normal, np.random.default_rng([seed, 300 + number]), series, level, ratio)
            found = detect(logs)
            rates = [Rate.of(found[found > BEFORE] <= BEFORE + nights) for nights in AFTER]
            for nights, rate in zip(AFTER, rates, strict=True):
                yield ("sizes", f"{100 * (ratio - 1):+.0f}% at {100 * level:.0f}% noise", f"{nights}"), rate


def budgets(seed: int, series: int) -> Iterable[tuple[tuple[str, str, str], Rate]]:
    """Whether other budgets are kept, and the second horizon's."""
    logs = NOISE * normal(np.random.default_rng([seed, 400]), series, 250)
    scores = score(logs, FIRST)
    odds = scores.log_odds(WORSE)
    for budget, horizon in ((0.05, 100), (0.01, 100), (0.2, 100), (0.05, 50), (0.05, 200)):
        found = scores.first_alarm(odds, np.array(boundary(budget, horizon)))
        row = f"{100 * budget:g}% in {horizon} nights"
        yield ("budgets", row, "first horizon"), Rate.of(found <= horizon)
        if horizon <= 100:
            yield ("budgets", row, "second horizon"), Rate.of(found[found > horizon] <= 2 * horizon)

    found = scores.first_alarm(scores.log_odds(0.5), np.array(boundary(0.05, 100)))
    yield ("budgets", "5% in 100 nights, neither side worse", "first horizon"), Rate.of(found <= 100)


def intervals(seed: int, series: int) -> Iterable[tuple[tuple[str, str, str], Rate]]:
    """How often the interval holds the ratio, and the night is the right one, at the first alarm and ten nights on."""
    for number, (name, noise) in enumerate(NOISES.items()):
        if number == 4:
            continue
        rng = np.random.default_rng([seed, 500 + number])
        logs = NOISE * noise(rng, series, BEFORE + 20)
        logs[:, BEFORE:] += np.log(STEP)
        held: dict[str, list[bool]] = {"first alarm": [], "ten nights on": [], "since ±1 night": []}
        for row in np.exp(logs).tolist():
            detector = ChangeDetector()
            found = [detector.update(value) for value in row]
            told = next((n for n, change in enumerate(found[BEFORE:], BEFORE) if change), None)
            if any(found[:BEFORE]) or told is None:
                continue
            for column, change in (
                ("first alarm", found[told]),
                ("ten nights on", found[min(told + 10, len(found) - 1)]),
            ):
                if change:
                    held[column].append(change.interval.lower <= STEP <= change.interval.upper)
            change = found[told]
            held["since ±1 night"].append(change is not None and abs(change.since - BEFORE) <= 1)
        for column, hits in held.items():
            yield ("intervals", name, column), Rate.of(np.array(hits))


def limits(series: int) -> dict[tuple[str, int], float]:
    """Bounds of the power after 1, 2, 3 and 5 nights, by which rates are kept; all of the budget on rises."""
    night = 0.98 * 0.05 / (NIGHTS - LEARNING)
    step, free = np.log(STEP) / NOISE, np.inf
    kept = {
        "normal at 5%": (1.0, free, free),
        "and t3 at 6%": (1.0, 1.2, free),
        "and AR(1) 0.3 at 6%": (1.0, 1.2, 1.2),
    }
    return {
        (name, nights): bounds(step, nights, tuple(nights * night * r for r in rates), series, seed=1)
        for name, rates in kept.items()
        for nights in AFTER
    }


def disagreement(first: Cells, second: Cells) -> tuple[float, tuple[str, str, str]]:
    """The largest difference of two seeds in standard errors, and where."""
    return max(
        (abs(a.share - second[cell].share) / float(np.hypot(a.error, second[cell].error)), cell)
        for cell, a in first.items()
    )


def timing() -> tuple[float, float]:
    """Median milliseconds of an update at a thousand nights, and seconds for 100 metrics of 1,000 nights."""
    values = np.exp(NOISE * normal(np.random.default_rng(1), 10, 1050)).tolist()
    taken, start = [], time.process_time()
    for series in values:
        detector = ChangeDetector()
        for value in series[:1000]:
            detector.update(value)
        for value in series[1000:]:
            before = time.process_time()
            detector.update(value)
            taken.append(time.process_time() - before)
    return 1000 * float(np.median(taken)), 10 * (time.process_time() - start)


def rates(seed: int, series: int, others: int) -> Cells:
    """All cells of one seed."""
    found: Cells = {}
    for part in (
        alarms_and_power(seed, series, others),
        further(seed, series // 2),
        budgets(seed, series),
        intervals(seed, series // 10),
    ):
        for cell, rate in part:
            found[cell] = rate
            print(seed, *cell, rate, sep="; ", flush=True)
    return found


def main() -> None:
    from tests.calibration import report

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=4000, help="simulated series a cell and seed")
    parser.add_argument("--others", type=int, default=100, help="series for Otava and asv, which take long; 0: neither")
    parser.add_argument("--seeds", type=int, nargs=2, default=(1, 2))
    options = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        cells = list(pool.map(partial(rates, series=options.series, others=options.others), options.seeds))
    apart, where = disagreement(*cells)
    both = {cell: rate + cells[1][cell] for cell, rate in cells[0].items()}
    report.write(DOCS, both, limits(options.series * 4), timing(), options.seeds, (apart, where))
    if apart > FARTHEST:
        raise SystemExit(f"the seeds differ by {apart:.1f} standard errors in {where}")


if __name__ == "__main__":
    main()

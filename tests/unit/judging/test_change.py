"""What the change detector says, night by night: changes, quiet, and figures that cannot be judged."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest

from llm_claims.errors import EvidenceError, UsageError
from llm_claims.judging.change import Change, ChangeDetector

NOISE = 0.03


def quiet(nights: int, seed: int = 1, noise: float = NOISE, level: float = 0.5) -> list[float]:
    return [float(v) for v in level * np.exp(noise * np.random.default_rng(seed).standard_normal(nights))]


def changed(before: int, after: int, ratio: float, seed: int = 1, noise: float = NOISE) -> list[float]:
    return [v * (ratio if night >= before else 1) for night, v in enumerate(quiet(before + after, seed, noise))]


def judged(values: list[float | None], detector: ChangeDetector | None = None) -> list[Change | None]:
    detector = detector or ChangeDetector()
    return [detector.update(value) for value in values]


def first(found: list[Change | None]) -> tuple[int, Change]:
    return next((night, change) for night, change in enumerate(found) if change is not None)


def test_quiet_nights_raise_no_alarm() -> None:
    assert not any(judged(quiet(200)))


@pytest.mark.parametrize("ratio", [1.2, 1 / 1.2], ids=["rise", "fall"])
def test_a_change_says_since_when_how_much_and_after_how_many_nights(ratio: float) -> None:
    night, change = first(judged(changed(41, 5, ratio)))
    assert 41 <= night <= 43
    assert change.since == 41
    assert change.nights == night - 40
    assert change.before == 41
    assert change.interval.lower < ratio < change.interval.upper
    assert change.ratio == pytest.approx(ratio, rel=0.08)


def test_a_change_reads_as_a_sentence() -> None:
    _, change = first(judged(changed(41, 5, 1.2)))
    assert re.fullmatch(r"rose by [\d.]+% \[[\d.]+, [\d.]+\] since night 41, after 41 quiet nights", str(change))
    _, change = first(judged(changed(41, 5, 1 / 1.2)))
    assert str(change).startswith("fell by ")
    assert change.interval.lower < change.ratio < change.interval.upper < 1


def test_a_change_stands_and_is_measured_better_until_it_is_accepted() -> None:
    found = judged(changed(41, 20, 1.2))
    night, change = first(found)
    assert all(later is not None and later.since == 41 for later in found[night:])
    last = found[-1]
    assert last is not None
    assert last.nights == 20
    assert last.interval.upper - last.interval.lower < change.interval.upper - change.interval.lower


def test_after_an_accepted_change_it_starts_anew() -> None:
    detector = ChangeDetector()
    judged(changed(41, 3, 1.2), detector)
    detector.accept()
    assert detector.change is None
    later = [v * 1.2 for v in quiet(40, seed=2)]
    assert not any(judged(later, detector)), "the new level is the one to compare with"
    night, back = first(judged(quiet(5, seed=3), detector))
    assert back.ratio < 1
    assert back.since == 41 + 3 + 40
    assert back.before == 3 + 40
    assert night <= 3


def test_nothing_stands_that_could_be_accepted() -> None:
    with pytest.raises(UsageError, match="no change"):
        ChangeDetector().accept()


def test_one_outlier_is_withdrawn_when_the_next_nights_do_not_bear_it_out() -> None:
    values = quiet(60)
    values[40] *= 3
    found = judged(values)
    assert not any(found[:40])
    assert not any(found[42:]), "an outlier is told on its own night at most, and on the next"


def test_an_outlier_long_ago_hides_no_change() -> None:
    values = changed(45, 5, 1.2)
    values[20] *= 3
    night, change = first(judged(values)[45:])
    assert night <= 3
    assert change.ratio == pytest.approx(1.2, rel=0.08)


def test_missing_nights_are_counted_and_nothing_else() -> None:
    values: list[float | None] = list(changed(41, 5, 1.2))
    values[10:10] = [None] * 7
    assert first(judged(values))[1].since == 48
    assert first(judged(values))[1].before == 41


def test_a_missing_night_leaves_a_standing_change_as_it_is() -> None:
    detector = ChangeDetector()
    _, change = first(judged(changed(41, 4, 1.3), detector))
    assert change is not None
    standing = detector.update(None)
    assert standing is not None
    assert standing == detector.change


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -0.5])
def test_what_is_no_positive_number_is_refused_and_leaves_no_trace(value: float) -> None:
    detector = ChangeDetector()
    judged(changed(41, 0, 1.0), detector)
    with pytest.raises(EvidenceError, match=r"night 41 .* update\(None\)"):
        detector.update(value)
    assert detector.nights == 41
    assert first(judged(changed(41, 5, 1.2)[41:], detector))[1].since == 41


@pytest.mark.parametrize("value", [True, "0.5", 1 + 0j])
def test_what_is_no_number_at_all_is_refused(value: object) -> None:
    with pytest.raises(EvidenceError, match="night 0"):
        ChangeDetector().update(value)  # type: ignore[arg-type]


def test_a_numpy_number_is_a_number() -> None:
    assert ChangeDetector().update(np.float32(0.5)) is None
    assert ChangeDetector().update(7) is None


def test_extreme_figures_overflow_nothing() -> None:
    found = judged([1e-300] * 35 + [1e300] * 5)
    change = found[-1]
    assert change is not None
    assert math.isfinite(change.ratio)


@pytest.mark.parametrize("level", [0.5, 14_046_439_424.0, 1e-9])
def test_a_constant_series_is_quiet_and_a_step_of_it_is_told_within_three_nights(level: float) -> None:
    assert not any(judged([level] * 300))
    night, change = first(judged([level] * 40 + [level * 1.1] * 5))
    assert 40 <= night <= 42
    assert change.since == 40
    assert change.ratio == pytest.approx(1.1)
    assert change.interval.lower <= 1.1 <= change.interval.upper


@pytest.mark.parametrize("resolution", [0.01, None], ids=["told", "seen"])
def test_one_tick_of_the_clock_on_one_night_is_no_change(resolution: float | None) -> None:
    assert not any(judged([0.50] * 40 + [0.51] + [0.50] * 40, ChangeDetector(resolution=resolution)))


@pytest.mark.parametrize("resolution", [0.02, 0.001, 1e-9, 0.0])
def test_the_interval_knows_no_more_than_the_clock(resolution: float) -> None:
    night, change = first(judged([0.50] * 40 + [0.52] * 8, ChangeDetector(resolution=resolution)))
    assert night <= 43
    ends = change.interval.lower, change.interval.upper
    assert ends == pytest.approx((1.04 / (1 + resolution / 0.5), 1.04 * (1 + resolution / 0.5)), rel=0.002)


def test_ties_are_no_change() -> None:
    rng = np.random.default_rng(5)
    values = [float(v) for v in 0.5 + 0.01 * rng.integers(0, 3, 200)]
    assert not any(judged(values))


def test_a_change_is_found_among_ties() -> None:
    rng = np.random.default_rng(5)
    values = [float(v) for v in 0.5 + 0.01 * rng.integers(0, 3, 45)]
    assert first(judged([v + 0.05 * (n >= 40) for n, v in enumerate(values)]))[1].since == 40


def test_only_what_cannot_be_missed_is_told_while_it_learns() -> None:
    assert not any(judged([0.5, 0.51, 0.49, 2.0, 2.0])), "nothing can be said after five nights"
    assert any(judged(changed(15, 8, 2.0))), "but twice the time after fifteen"


def test_a_rise_is_found_sooner_where_a_rise_is_worse() -> None:
    rises = [changed(40, 12, 1.1, seed) for seed in range(9)]
    as_worse, as_better = (
        sum(first([*judged(values, ChangeDetector(worse=worse)), _END])[0] for values in rises)
        for worse in ("rise", "fall")
    )
    assert as_worse < as_better


_END = Change(since=0, night=0, nights=1, before=1, ratio=1.0, interval=(1.0, 1.0))  # type: ignore[arg-type]


def test_a_smaller_budget_needs_more_evidence() -> None:
    values = [changed(40, 8, 1.1, seed) for seed in range(12)]
    nights = {
        budget: sum(first([*judged(v, ChangeDetector(alarm_budget=budget)), _END])[0] for v in values)
        for budget in (0.2, 0.002)
    }
    assert nights[0.2] < nights[0.002]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"alarm_budget": 0.0}, "alarm_budget"),
        ({"alarm_budget": 1.0}, "alarm_budget"),
        ({"alarm_budget": math.nan}, "alarm_budget"),
        ({"horizon": 0}, "horizon"),
        ({"horizon": 2.5}, "horizon"),
        ({"alarm_budget": 1e-6, "horizon": 1000}, "simulated"),
        ({"alarm_budget": 0.9, "horizon": 10}, "simulated"),
        ({"worse": "up"}, "worse"),
        ({"resolution": -1.0}, "resolution"),
        ({"resolution": math.inf}, "resolution"),
    ],
)
def test_a_detector_that_cannot_keep_its_word_is_not_made(wrong: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        ChangeDetector(**wrong)  # type: ignore[arg-type]


def test_the_unit_does_not_matter() -> None:
    values = changed(41, 5, 1.15)
    seconds, milliseconds = first(judged(values)), first(judged([1000 * v for v in values]))
    assert seconds[0] == milliseconds[0]
    assert seconds[1].ratio == pytest.approx(milliseconds[1].ratio)


def test_an_update_takes_a_millisecond_at_most_at_a_thousand_nights() -> None:
    detector = ChangeDetector()
    judged(quiet(1000), detector)
    taken = []
    for value in [*quiet(50, seed=2), *(1.06 * v for v in quiet(5, seed=3))]:
        start = time.process_time()
        detector.update(value)
        taken.append(time.process_time() - start)
    assert sorted(taken)[len(taken) // 2] < 1e-3


def test_a_thousand_nights_of_ten_metrics_take_a_fifth_of_a_second() -> None:
    series = [quiet(1000, seed) for seed in range(10)]
    start = time.process_time()
    for values in series:
        judged(values)
    assert time.process_time() - start < 0.2 * 3, "three times the goal: this processor may be shared"

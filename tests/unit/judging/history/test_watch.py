"""Figures over nights: what counts as a change, and what is said of it."""

from __future__ import annotations

import pytest
from nights import START, figure, night, nights, noisy

from llm_claims.errors import RecordingError
from llm_claims.judging.history.night import Acceptance, Night
from llm_claims.judging.history.watch import BUDGET, HORIZON, LEAST_BUDGET, Series, budget_of, series_of, worse_of

QUIET = noisy(40)
SLOWER = [1.15 * value for value in noisy(6, seed=2)]


def latency(entries: list[Night | Acceptance]) -> Series:
    (found,) = (one for one in series_of(entries) if one.figure.metric == "latency_seconds")
    return found


def told(entries: list[Night | Acceptance], budget: float = BUDGET) -> str | None:
    one = latency(entries)
    change = one.change(budget)
    return one.told(change) if change else None


def test_a_slower_program_is_told_with_its_night() -> None:
    words = told([*nights([*QUIET, *SLOWER])])
    assert words is not None
    assert words.startswith("latency_seconds of a request on cpu rose by 1")
    assert f"since {START.date().replace(month=2, day=10)}, after 40 quiet nights" in words


def test_what_changed_beside_it_is_named() -> None:
    later = nights(SLOWER, first=40, software={"torch": "2.14.0"}, commit="b" * 40)
    words = told([*nights(QUIET), *later])
    assert words is not None
    assert words.endswith("; that night came torch 2.13.0 → 2.14.0, commit aaaaaaaaaa → bbbbbbbbbb")


@pytest.mark.parametrize(
    "values",
    [QUIET, [1.0] * 60, [*QUIET, 3.0, *noisy(5, seed=3)], [*QUIET, None, None, *noisy(5, seed=3)], [1.0, 2.0] * 20],
    ids=["quiet", "constant", "one outlier", "missing nights", "ties"],
)
def test_what_is_no_change(values: list[float | None]) -> None:
    assert told([*nights(values)]) is None


def test_too_few_nights_say_nothing() -> None:
    assert told([*nights([1.0, 1.0, 1.0, 5.0, 5.0, 5.0])]) is None


def test_nights_without_the_figure_do_not_count_as_quiet() -> None:
    words = told([*nights([*QUIET, None, None, None, *SLOWER])])
    assert words is not None
    assert "after 40 quiet nights" in words


def test_an_improvement_is_a_change_too() -> None:
    words = told([*nights([*QUIET, *(0.85 * value for value in noisy(8, seed=2))])])
    assert words is not None
    assert " fell by 1" in words


def test_another_machine_under_the_old_name_begins_anew() -> None:
    assert told([*nights(QUIET)]) is None
    found = series_of([*nights(QUIET), *nights(SLOWER, first=40, hardware="Xeon")])
    assert [len(one.nights) for one in found if one.figure.metric == "latency_seconds"] == [40, 6]
    assert all(one.change(BUDGET) is None for one in found)


def test_after_an_accepted_change_it_starts_anew() -> None:
    accepted = Acceptance(
        time=START.replace(year=2027),
        source="cpu",
        hardware="EPYC",
        figure="latency_seconds@k",
        because="x",
        author="A",
    )
    before: list[Night | Acceptance] = [*nights([*QUIET, *SLOWER])]
    assert told([*before, accepted]) is None
    later = [value * 1.15 for value in noisy(30, seed=4)]
    assert told([*before, accepted, *nights(later, first=46)]) is None
    assert told([*before, accepted, *nights([*later, *(1.3 * value for value in later[:8])], first=46)]) is not None


def test_two_units_are_refused() -> None:
    entries = [night(0, figure(1.0)), night(1, figure(1000.0, unit="ms"))]
    with pytest.raises(RecordingError, match="latency_seconds@k on cpu is in ms and in s: a figure has one unit"):
        series_of(entries)


def test_the_budget_is_shared_until_no_figure_could_raise_an_alarm() -> None:
    assert budget_of(0) == budget_of(1) == BUDGET
    assert budget_of(10) == BUDGET / 10
    assert budget_of(1000) == LEAST_BUDGET == 1e-5 * HORIZON


@pytest.mark.parametrize(
    ("unit", "worse"),
    [("s", "rise"), ("s/step", "rise"), ("bytes", "rise"), ("tokens/s", "fall"), ("ratio", None), ("share", None)],
)
def test_which_side_is_worse_follows_from_the_unit(unit: str, worse: str | None) -> None:
    assert worse_of(unit) == worse

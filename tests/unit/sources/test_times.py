"""What a source spent its time on: phases of runs, added up to what passed."""

from __future__ import annotations

import pytest

from llm_claims.evidence.times import Times
from llm_claims.sources.times import Run, times_of

EXACT = Run(10.0, 20.0, setup=2.0, compiling=1.0, measuring=6.0)


def test_without_runs_there_is_nothing_to_tell() -> None:
    assert times_of([]) is None


def test_what_a_program_does_not_tell_is_left_and_what_is_no_run_lies_between() -> None:
    times = times_of([EXACT, Run(25.0, 30.0, measuring=5.0)])
    assert times == Times(whole=20.0, setup=2.0, compiling=1.0, measuring=11.0, untold=1.0)
    assert times.busy == 15.0
    assert times.between == 5.0


def test_of_a_time_that_several_shared_each_has_its_equal_part() -> None:
    """From 10 to 15 one runs, from 15 to 20 two, from 20 to 25 the other."""
    times = times_of([Run(10.0, 20.0, measuring=10.0), Run(15.0, 25.0, setup=10.0)])
    assert times is not None
    assert (times.whole, times.measuring, times.setup, times.between) == (15.0, 7.5, 7.5, 0.0)


def test_a_run_within_another_adds_no_time() -> None:
    times = times_of([Run(0.0, 12.0, measuring=12.0), Run(4.0, 8.0)])
    assert times is not None
    assert (times.measuring, times.untold) == (pytest.approx(10.0), pytest.approx(2.0))


def test_who_tells_of_more_than_passed_is_not_believed() -> None:
    times = times_of([Run(0.0, 10.0, setup=10.0, measuring=30.0)])
    assert times is not None
    assert (times.setup, times.measuring, times.untold) == (2.5, 7.5, 0.0)


def test_a_clock_that_stands_still_breaks_nothing() -> None:
    assert times_of([Run(5.0, 5.0, measuring=1.0), Run(5.0, 5.0)]) == Times(0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_run_is_written_to_a_line_and_read_from_it() -> None:
    assert Run.of_line(EXACT.line()) == EXACT

"""A run that has no time left says nothing of its claims, and accepts nothing."""

from __future__ import annotations

import pytest

from ..miniature import ACCEPTED, Miniature

LIVE = ("-m", "cpu and live")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((), id="compared"),
        pytest.param(("--snapshot-update",), id="accepted"),
        pytest.param(("-n", "2"), id="workers", marks=pytest.mark.slow),
    ],
)
def test_what_there_was_no_time_for_is_inconclusive(suite: Miniature, more: tuple[str, ...]) -> None:
    result = suite.run(*LIVE, "--time-budget", "1e-9", *more)
    assert result.ret == pytest.ExitCode.OK
    words = suite.words("cpu")
    assert words.pop(("zero1-faster", "")) == "untestable"
    assert set(words.values()) == {"inconclusive"}
    assert suite.accepted() == ACCEPTED


def test_it_fails_where_open_cases_fail(suite: Miniature) -> None:
    suite.run(*LIVE, "--time-budget", "1e-9", "--strict-inconclusive").assert_outcomes(
        failed=4, skipped=1, deselected=15
    )

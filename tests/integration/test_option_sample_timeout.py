"""``--sample-timeout SECONDS`` (what it does to a program that hangs: test_bad_programs)."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_a_timeout_is_positive(suite: Miniature, seconds: str) -> None:
    assert_refused(suite.run(f"--sample-timeout={seconds}"), f"--sample-timeout must be positive, got {seconds}")


def test_a_timeout_is_a_number(suite: Miniature) -> None:
    assert_refused(suite.run("--sample-timeout=nan"), "--sample-timeout must be positive, got nan")


def test_recordings_know_no_timeout(suite: Miniature) -> None:
    result = suite.run("-m", "cpu and not live", "--sample-timeout", "0.000001")
    result.assert_outcomes(passed=4, xfailed=1, deselected=15)

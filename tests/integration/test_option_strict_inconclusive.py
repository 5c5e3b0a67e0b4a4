"""``--strict-inconclusive`` fails live cases that stay open, instead of skipping them."""

from __future__ import annotations

import pytest

from .miniature import Miniature, recording

LIVE = ("--claim", "input-costs", "-m", "cpu and live")


@pytest.fixture
def tie(suite: Miniature) -> Miniature:
    """A suite whose live latencies do not depend on the input."""
    suite.program.cost(input=0, jitter=0.02)
    return suite


def test_an_open_live_case_is_skipped(tie: Miniature) -> None:
    result = tie.run(*LIVE, "-rs")
    result.assert_outcomes(skipped=2, deselected=18)
    assert result.ret == pytest.ExitCode.OK


def test_an_open_live_case_fails_where_one_is_strict(tie: Miniature) -> None:
    result = tie.run(*LIVE, "--strict-inconclusive")
    result.assert_outcomes(failed=2, deselected=18)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines(
        [r"input-costs \[new64\] on cpu: inconclusive [\d.]+ \[[\d.]+, [\d.]+\], n=5 \(the ratio may be 1: .*"]
    )


def test_a_decided_live_case_passes_where_one_is_strict(suite: Miniature) -> None:
    suite.run(*LIVE, "--strict-inconclusive").assert_outcomes(passed=2, deselected=18)


def test_an_accepted_open_figure_of_a_recording_is_still_skipped(suite: Miniature) -> None:
    whole = recording()
    whole["evidence"][4]["metrics"]["latency_seconds"]["samples"] = [5.5]
    suite.write_recording(whole)
    run = ("--claim", "batch-is-free", "-m", "cpu and not live")
    suite.run(*run, "--snapshot-update")
    suite.run(*run, "--strict-inconclusive").assert_outcomes(skipped=1, deselected=19)


def test_an_untestable_case_is_still_skipped(suite: Miniature) -> None:
    suite.run("-m", "gpu", "--strict-inconclusive").assert_outcomes(skipped=5, deselected=15)

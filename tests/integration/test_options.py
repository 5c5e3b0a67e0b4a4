"""The options and settings of which a test or two is enough. What else they do: in the tests of what they are about."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused, recording

RECORDED = ("-m", "cpu and not live")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--rounds=0", "--rounds must be at least 1, got 0"),
        ("--rounds=-3", "--rounds must be at least 1, got -3"),
        ("--sampling-time=0", "--sampling-time must be positive, got 0"),
        ("--sample-timeout=0", "--sample-timeout must be positive, got 0"),
        ("--sample-timeout=nan", "--sample-timeout must be positive, got nan"),
        ("--time-budget=-1", "--time-budget must be positive, got -1"),
        ("--time-budget=inf", "--time-budget must be positive, got inf"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(suite: Miniature, option: str, words: str) -> None:
    assert_refused(suite.run(option), words)


@pytest.mark.parametrize("option", ["--rounds=many", "--rounds=1.5", "--sample-timeout=soon", "--stack=future"])
def test_what_is_no_value_of_an_option_is_refused(suite: Miniature, option: str) -> None:
    result = suite.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{option.partition('=')[0]}: invalid " in result.stderr.str()


def test_recordings_know_no_rounds_and_no_timeout(suite: Miniature) -> None:
    result = suite.run(*RECORDED, "--rounds", "1", "--sample-timeout", "0.000001")
    result.assert_outcomes(passed=4, xfailed=1, deselected=15)


def test_reuse_evidence_says_that_it_no_longer_does_anything(suite: Miniature) -> None:
    result = suite.run(*RECORDED, "--reuse-evidence")
    result.stdout.fnmatch_lines(["*PytestDeprecationWarning: --reuse-evidence no longer does anything: use --record*"])
    result.assert_outcomes(passed=4, xfailed=1, deselected=15, warnings=1)


def test_the_fixtures_may_lie_elsewhere_in_the_root(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    (suite.path / "fixtures").rename(suite.path / "papers")
    monkeypatch.chdir(suite.path / "papers")
    result = suite.run("..", *RECORDED, "-o", "claims_fixtures=papers")
    result.assert_outcomes(passed=4, xfailed=1, deselected=15)


def test_without_recordings_live_sources_are_left(suite: Miniature) -> None:
    (suite.path / "fixtures/recordings/paper.json").unlink()
    suite.run("-m", "cpu").assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=10)


@pytest.mark.parametrize("more", [(), ("--strict-inconclusive",)], ids=["lenient", "strict"])
def test_strict_inconclusive_fails_live_cases_that_stay_open(suite: Miniature, more: tuple[str, ...]) -> None:
    """Open is here what a recording shows, and has been accepted so, and what runs live; a GPU is not there."""
    whole = recording()
    whole["evidence"][4]["metrics"]["latency_seconds"]["samples"] = [5.5]
    suite.write_recording(whole)
    suite.run(*RECORDED, "--claim", "batch-is-free", "--snapshot-update").assert_outcomes(skipped=1, deselected=19)
    suite.program.cost(input=0, jitter=0.02)
    result = suite.run("-m", "not sagemaker", "--rounds", "5", "--sampling-time", "60", *more)
    opened = {"failed": 2} if more else {}
    assert result.parseoutcomes() == {
        "passed": 5,
        "xfailed": 1,
        "skipped": 7 + (0 if more else 2),
        "deselected": 5,
        **opened,
    }
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if more else pytest.ExitCode.OK)
    if more:
        result.stdout.re_match_lines(
            [r"input-costs \[new64\] on cpu: inconclusive [\d.]+ \[[\d.]+, [\d.]+\], n=5 \(the ratio may be 1: .*"]
        )

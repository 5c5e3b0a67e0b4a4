"""Markers select sources; a test's id ends in its source. A test without a claim has none."""

from __future__ import annotations

import pytest

from .miniature import CLAIMS, Miniature, measured_recording

SOURCES = {
    "h200x2-2026-11": {"cpu"},
    "paper": {"cpu"},
    "cpu": {"cpu", "live"},
    "gpu": {"gpu", "live"},
    "sagemaker": {"sagemaker", "live"},
}
"""The markers of each source's cases, in the order of the columns; every recording of the folder is a source."""

TESTS = ("longer_prompts[new64-", "longer_prompts[new128-", "twice_the_tokens[", "batch_of_eight[", "zero1[")
PLAIN = "def test_plain():\n    assert 1 + 1 == 2\n"


def test_every_case_has_the_markers_of_its_source_and_ends_in_its_name(suite: Miniature) -> None:
    suite.write_recording(measured_recording())
    suite.write_test(PLAIN, "test_plain.py")
    assert suite.pytester is not None
    items, _ = suite.pytester.inline_genitems("-q")
    found = {item.name: {mark.name for mark in item.iter_markers()} - {"parametrize"} for item in items}
    cases = {f"test_{test}{source}]": {*marks, "claim"} for test in TESTS for source, marks in SOURCES.items()}
    assert found == {**cases, "test_plain": set()}
    assert list(found) == [*cases, "test_plain"]


def test_tests_without_a_claim_run_as_ever_whatever_is_wrong_with_the_register(suite: Miniature) -> None:
    (suite.path / "fixtures/claims.toml").write_text("not TOML at all", encoding="utf-8")
    suite.write_test(PLAIN, "test_plain.py")
    result = suite.run("test_plain.py")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= claims =*")
    assert not (suite.path / "report").exists()


def test_markers_are_told(suite: Miniature) -> None:
    result = suite.run("--markers")
    result.stdout.fnmatch_lines(
        [f"@pytest.mark.{name}*" for name in ("cpu:", "gpu:", "sagemaker:", "live:", "claim(id, place):")]
    )


def test_a_tier_that_is_not_here_is_untestable_and_reading_recordings_starts_no_program(suite: Miniature) -> None:
    result = suite.run("-m", "gpu or sagemaker or not live")
    result.assert_outcomes(passed=4, xfailed=1, skipped=10, deselected=5)
    assert result.ret == pytest.ExitCode.OK
    for tier in ("gpu", "sagemaker"):
        assert set(suite.words(tier).values()) == {"untestable"}
        assert {claim for claim, _ in suite.words(tier)} == set(CLAIMS)
    assert suite.program.log == []

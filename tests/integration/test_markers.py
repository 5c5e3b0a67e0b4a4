"""Markers select sources; a test's id ends in its source."""

from __future__ import annotations

import pytest

from .miniature import CLAIMS, Miniature, ids, measured_recording

TESTS = ("test_longer_prompts[new64", "test_longer_prompts[new128", "test_twice_the_tokens", "test_batch_of_eight")


@pytest.mark.parametrize(
    ("expression", "sources"),
    [
        ("cpu", {"paper", "cpu"}),
        ("cpu and not live", {"paper"}),
        ("cpu and live", {"cpu"}),
        ("gpu", {"gpu"}),
        ("sagemaker", {"sagemaker"}),
        ("live", {"cpu", "gpu", "sagemaker"}),
        ("claim", {"paper", "cpu", "gpu", "sagemaker"}),
    ],
)
def test_a_marker_selects_sources(suite: Miniature, expression: str, sources: set[str]) -> None:
    found = ids(suite.run("--collect-only", "-q", "-m", expression))
    assert {id.rstrip("]").rpartition("-")[2].rpartition("[")[2] for id in found} == sources
    assert len(found) == 5 * len(sources)


def test_ids_end_in_the_source(suite: Miniature) -> None:
    found = ids(suite.run("--collect-only", "-q", "-m", "cpu"))
    assert found == [
        "test_longer_prompts[new64-paper]",
        "test_longer_prompts[new64-cpu]",
        "test_longer_prompts[new128-paper]",
        "test_longer_prompts[new128-cpu]",
        "test_twice_the_tokens[paper]",
        "test_twice_the_tokens[cpu]",
        "test_batch_of_eight[paper]",
        "test_batch_of_eight[cpu]",
        "test_zero1[paper]",
        "test_zero1[cpu]",
    ]


def test_every_recording_of_the_folder_is_a_source(suite: Miniature) -> None:
    suite.write_recording(measured_recording())
    found = ids(suite.run("--collect-only", "-q", "-m", "cpu and not live", "-k", "zero1"))
    assert found == ["test_zero1[h200x2-2026-11]", "test_zero1[paper]"]


def test_a_test_without_a_claim_has_no_source(suite: Miniature) -> None:
    suite.write_test("def test_plain():\n    assert 1 + 1 == 2\n", "test_plain.py")
    assert ids(suite.run("--collect-only", "-q", "test_plain.py")) == ["test_plain"]
    for marker in ("cpu", "gpu", "sagemaker", "live", "claim"):
        assert suite.run("-m", marker, "test_plain.py").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert suite.run("test_plain.py").ret == pytest.ExitCode.OK


def test_a_project_without_claims_is_left_alone(suite: Miniature) -> None:
    (suite.path / "fixtures/claims.toml").write_text("not TOML at all", encoding="utf-8")
    suite.write_test("def test_plain():\n    assert 1 + 1 == 2\n", "test_plain.py")
    result = suite.run("test_plain.py")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= claims =*")
    assert not (suite.path / "report").exists()


def test_markers_are_told(suite: Miniature) -> None:
    result = suite.run("--markers")
    result.stdout.fnmatch_lines(
        [f"@pytest.mark.{name}*" for name in ("cpu:", "gpu:", "sagemaker:", "live:", "claim(id, place):")]
    )


@pytest.mark.parametrize("tier", ["gpu", "sagemaker"])
def test_a_tier_that_is_not_here_is_untestable(suite: Miniature, tier: str) -> None:
    result = suite.run("-m", tier)
    result.assert_outcomes(skipped=5, deselected=15)
    assert result.ret == pytest.ExitCode.OK
    assert set(suite.words(tier).values()) == {"untestable"}
    assert {claim for claim, _ in suite.words(tier)} == set(CLAIMS)
    assert suite.program.log == []


def test_reading_recordings_starts_no_program(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live").assert_outcomes(passed=4, xfailed=1, deselected=15)
    assert suite.program.log == []

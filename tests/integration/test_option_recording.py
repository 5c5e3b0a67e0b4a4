"""``--recording FILE`` judges that recording in place of those of the folder."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused, ids, measured_recording, spread

PAPER = ("--recording", "fixtures/recordings/paper.json")


@pytest.fixture
def other(suite: Miniature) -> tuple[str, str]:
    """The option that names a recording outside of the suite's folder, made on other hardware than the document's."""
    whole = measured_recording()
    whole["evidence"][2]["metrics"]["latency_seconds"]["samples"] = spread(3.5)
    return "--recording", str(suite.write_recording(whole, "elsewhere/other.json").relative_to(suite.path))


def test_it_replaces_the_folder_and_live_sources_stay(suite: Miniature, other: tuple[str, str]) -> None:
    found = ids(suite.run("--collect-only", "-q", *other, "-k", "zero1"))
    assert found == [f"test_zero1[{source}]" for source in ("h200x2-2026-11", "cpu", "gpu", "sagemaker")]


def test_a_relative_path_is_relative_to_where_one_stands(
    suite: Miniature, other: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suite.path / "elsewhere")
    found = ids(suite.run("--collect-only", "-q", "..", "--recording", "other.json", "-m", "cpu and not live"))
    assert len(found) == 5


def test_several_are_judged_and_the_documented_size_binds_documented_hardware_alone(
    suite: Miniature, other: tuple[str, str]
) -> None:
    before = suite.accepted()
    suite.run(*other, *PAPER, "-m", "cpu and not live", "--snapshot-update").assert_outcomes(
        passed=7, skipped=1, xfailed=2, deselected=15
    )
    words = suite.words("h200x2-2026-11")
    assert words["batch-is-free", ""] == "contradicted"
    assert words["input-costs", "new64"] == "reproduced"
    row = suite.rows()["tokens-double", "", "h200x2-2026-11"]
    assert (row["verdict"], row["effect"]) == ("reproduced", pytest.approx(3.5 / 2.36))
    assert "1.96 on other hardware: only the direction counts" in row["reason"]
    assert suite.rows()["tokens-double", "", "paper"]["reason"] == ""
    after = suite.accepted()
    assert before.items() <= after.items()
    assert len(after) == len(before) + 4


@pytest.mark.parametrize("name", ["nothing.json", "fixtures", "fixtures/recordings/paper.json/x"])
def test_a_file_that_is_none_is_refused(suite: Miniature, name: str) -> None:
    assert_refused(suite.run("--recording", name), name)

"""``--recording FILE`` judges that recording in place of those of the folder."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused, ids, measured_recording, spread


@pytest.fixture
def other(suite: Miniature) -> str:
    """A recording outside of the suite's folder, made on hardware that the document does not have."""
    whole = measured_recording()
    whole["evidence"][2]["metrics"]["latency_seconds"]["samples"] = spread(3.5)
    return str(suite.write_recording(whole, "elsewhere/other.json").relative_to(suite.path))


def test_it_replaces_the_folder(suite: Miniature, other: str) -> None:
    found = ids(suite.run("--collect-only", "-q", "--recording", other, "-m", "cpu and not live"))
    assert len(found) == 5
    assert all(id.endswith("h200x2-2026-11]") for id in found)


def test_it_is_judged(suite: Miniature, other: str) -> None:
    suite.run("--recording", other, "-m", "cpu and not live")
    words = suite.words("h200x2-2026-11")
    assert words["batch-is-free", ""] == "contradicted"
    assert words["input-costs", "new64"] == "reproduced"


def test_the_documented_size_binds_documented_hardware_alone(suite: Miniature, other: str) -> None:
    suite.run("--recording", other, "--recording", "fixtures/recordings/paper.json", "--claim", "tokens-double")
    row = suite.rows()["tokens-double", "", "h200x2-2026-11"]
    assert row["verdict"] == "reproduced"
    assert row["effect"] == pytest.approx(3.5 / 2.36)
    assert "1.96 on other hardware: only the direction counts" in row["reason"]
    assert suite.rows()["tokens-double", "", "paper"]["reason"] == ""


def test_it_may_repeat(suite: Miniature, other: str) -> None:
    found = ids(
        suite.run(
            *("--collect-only", "-q", "--recording", other, "--recording", "fixtures/recordings/paper.json"),
            *("-m", "cpu and not live", "-k", "zero1"),
        )
    )
    assert found == ["test_zero1[h200x2-2026-11]", "test_zero1[paper]"]


def test_live_sources_stay(suite: Miniature, other: str) -> None:
    found = ids(suite.run("--collect-only", "-q", "--recording", other, "-m", "live", "-k", "zero1"))
    assert found == ["test_zero1[cpu]", "test_zero1[gpu]", "test_zero1[sagemaker]"]


def test_a_relative_path_is_relative_to_where_one_stands(
    suite: Miniature, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suite.path / "elsewhere")
    found = ids(suite.run("--collect-only", "-q", "..", "--recording", "other.json", "-m", "cpu and not live"))
    assert len(found) == 5


@pytest.mark.parametrize("name", ["nothing.json", "fixtures", "fixtures/recordings/paper.json/x"])
def test_a_file_that_is_none_is_refused(suite: Miniature, name: str) -> None:
    assert_refused(suite.run("--recording", name), name)


def test_the_accepted_verdicts_of_another_recording_stay(suite: Miniature, other: str) -> None:
    before = suite.accepted()
    suite.run("--recording", other, "-m", "cpu and not live", "--snapshot-update").assert_outcomes(
        passed=3, skipped=1, xfailed=1, deselected=15
    )
    after = suite.accepted()
    assert before.items() <= after.items()
    assert len(after) == len(before) + 4

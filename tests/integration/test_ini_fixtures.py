"""``claims_fixtures`` names the folder of the register, the instance table and the recordings."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused


def test_the_folder_may_have_another_name(suite: Miniature) -> None:
    (suite.path / "fixtures").rename(suite.path / "papers")
    result = suite.run("-m", "cpu and not live", "-o", "claims_fixtures=papers")
    result.assert_outcomes(passed=4, xfailed=1, deselected=15)


def test_it_lies_in_the_root_wherever_one_stands(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.path / "fixtures")
    suite.run("..", "-m", "cpu and not live").assert_outcomes(passed=4, xfailed=1, deselected=15)


def test_a_folder_that_is_not_there_is_refused(suite: Miniature) -> None:
    result = suite.run("-o", "claims_fixtures=nowhere")
    assert_refused(result, "nowhere/claims.toml: the register of claims cannot be read", "No such file")


def test_without_recordings_live_sources_are_left(suite: Miniature) -> None:
    (suite.path / "fixtures/recordings/paper.json").unlink()
    suite.run("-m", "cpu").assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=10)

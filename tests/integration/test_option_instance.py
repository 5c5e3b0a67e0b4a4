"""``--instance TYPE`` names an instance type that the table knows."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused


@pytest.mark.parametrize("name", ["g5.2xlarge", "ml.g5.2xlarge", "local"])
def test_a_known_type_is_taken(suite: Miniature, name: str) -> None:
    result = suite.run("-m", "sagemaker", "--instance", name)
    result.assert_outcomes(skipped=5, deselected=15)
    assert result.ret == pytest.ExitCode.OK


def test_it_may_repeat(suite: Miniature) -> None:
    result = suite.run("-m", "sagemaker", "--instance", "g5.2xlarge", "--instance=g5.xlarge")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", ["g9.huge", "ml.g9.huge", "", "G5.2XLARGE"])
def test_an_unknown_type_is_refused_with_the_list(suite: Miniature, name: str) -> None:
    result = suite.run("-m", "sagemaker", f"--instance={name}")
    assert_refused(result, f"unknown instance type {name!r}", "known are g5.2xlarge, g5.xlarge")


def test_one_unknown_type_among_known_ones_is_refused(suite: Miniature) -> None:
    result = suite.run("--instance", "g5.xlarge", "--instance", "p9", "--instance", "local")
    assert_refused(result, "unknown instance type 'p9'")
    assert suite.program.log == []


@pytest.mark.parametrize("text", ["{", '{"dated": "2026-09-01", "source": "x"}'], ids=["cut-short", "no-instances"])
def test_a_table_that_cannot_be_read_is_refused(suite: Miniature, text: str) -> None:
    suite.write("fixtures/instances.json", text)
    assert_refused(suite.run("--instance", "g5.xlarge"), "instances.json")

"""The SageMaker tier of a miniature suite, run by pytest against an emulated account."""

from __future__ import annotations

import pytest

from tests.emulator.client import Emulator

from ..miniature import Miniature


def test_live_prices_are_asked_of_aws(account: Emulator, suite: Miniature) -> None:
    result = suite.run("-m", "sagemaker", "--instance", "g5.2xlarge", "--plan", "--live-prices")
    result.stdout.fnmatch_lines(["*prices in us-east-1 of 2026-09-01; from AWS's price list today: g5.2xlarge; *"])
    assert {call["operation"] for call in account.calls()} == {"GetProducts"}


@pytest.mark.slow
def test_the_whole_tier_runs_and_its_figures_are_no_evidence(account: Emulator, suite: Miniature) -> None:
    result = suite.run_apart("-m", "sagemaker", "--instance", "local", "--claim", "tokens-double", timeout=300)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    result.assert_outcomes(passed=1, deselected=19)
    row = suite.rows()["tokens-double", "", "sagemaker"]
    assert row["verdict"] == "untestable"
    assert row["reason"].startswith("ran end to end on the emulator; not evidence (")
    result.stdout.fnmatch_lines(["sweep in us-east-1: * 0 left", "spent on SageMaker: about $0.00"])
    assert account.resources() == []

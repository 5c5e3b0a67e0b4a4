"""The SageMaker tier of a miniature suite, run by pytest against an emulated account."""

from __future__ import annotations

import pytest

from tests.emulator.client import Emulator

from ..miniature import Miniature


@pytest.mark.parametrize("region", ["us-east-1", "sa-east-1"])
def test_live_prices_are_asked_of_aws_where_the_list_is(
    account: Emulator, suite: Miniature, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    result = suite.run("-m", "sagemaker", "--instance", "g5.2xlarge", "--plan", "--live-prices")
    if region == "us-east-1":
        result.stdout.fnmatch_lines(["*prices in us-east-1 of 2026-09-01; from AWS's price list today: g5.2xlarge; *"])
    assert {(call["operation"], call["region"]) for call in account.calls()} == {("GetProducts", "us-east-1")}


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

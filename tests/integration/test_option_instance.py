"""``--instance TYPE`` names an instance type that may be launched, if the table knows it."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An environment without any AWS account."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    nowhere = tmp_path_factory.mktemp("nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def test_without_it_nothing_is_launched_for_one_clear_reason(suite: Miniature) -> None:
    result = suite.run("-m", "sagemaker")
    result.assert_outcomes(skipped=5, deselected=15)
    reasons = {row["reason"] for key, row in suite.rows().items() if key[2] == "sagemaker"}
    assert reasons == {
        "measures on AWS, at a cost: pass --instance TYPE for what may be launched, and --plan to see it first"
    }


@pytest.mark.parametrize("name", ["g5.2xlarge", "ml.g5.2xlarge", "all"])
def test_without_credentials_a_run_ends_with_one_clear_message(suite: Miniature, name: str) -> None:
    result = suite.run("-m", "sagemaker", "--instance", name)
    assert_refused(result, "no AWS credentials: sign in", "--plan needs none")
    assert len([line for line in result.stderr.lines if line]) == 1


def test_without_credentials_workers_are_not_started(suite: Miniature) -> None:
    result = suite.run_apart("-m", "sagemaker", "--instance", "g5.2xlarge", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no AWS credentials: sign in" in result.stderr.str()


def test_without_a_region_too(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert_refused(suite.run("-m", "sagemaker", "--instance", "g5.2xlarge"), "no AWS region: set AWS_REGION")


def test_what_needs_another_type_says_which(suite: Miniature) -> None:
    """Nothing of the miniature runs on a g5.xlarge, so nothing is launched and nobody is asked for credentials."""
    result = suite.run("-m", "sagemaker", "--instance", "g5.xlarge")
    result.assert_outcomes(skipped=5, deselected=15)
    reasons = {row["reason"] for key, row in suite.rows().items() if key[2] == "sagemaker"}
    assert reasons == {
        "needs ml.g5.2xlarge: pass --instance g5.2xlarge",
        "needs ml.p4d.24xlarge: pass --instance p4d.24xlarge",
    }


def test_other_tiers_need_no_account(suite: Miniature) -> None:
    result = suite.run("-m", "cpu and not live", "--instance", "g5.2xlarge")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", ["g9.huge", "ml.g9.huge", "", "G5.2XLARGE"])
def test_an_unknown_type_is_refused_with_the_list(suite: Miniature, name: str) -> None:
    result = suite.run("-m", "sagemaker", f"--instance={name}")
    assert_refused(result, f"unknown instance type {name!r}", "known are g5.2xlarge, g5.xlarge")


def test_one_unknown_type_among_known_ones_is_refused(suite: Miniature) -> None:
    result = suite.run("--instance", "g5.xlarge", "--instance", "p9")
    assert_refused(result, "unknown instance type 'p9'")
    assert suite.program.log == []


def test_an_emulator_goes_with_nothing_else(suite: Miniature) -> None:
    result = suite.run("--instance", "g5.xlarge", "--instance", "local")
    assert_refused(result, "--instance local is an emulator on this machine: it goes with no other --instance")


def test_local_needs_an_emulator(suite: Miniature) -> None:
    result = suite.run("-m", "sagemaker", "--instance", "local")
    assert_refused(result, "--instance local needs an emulator of SageMaker", "AWS_ENDPOINT_URL")


def test_an_emulators_figures_are_not_recorded(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "--record: an emulator's figures are no evidence, so no recording is made of them"
    assert_refused(suite.run("-m", "sagemaker", "--instance", "local", "--record", "mine.json"), words)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert_refused(suite.run("-m", "sagemaker", "--instance", "g5.2xlarge", "--record", "mine.json"), words)


@pytest.mark.parametrize("text", ["{", '{"dated": "2026-09-01", "source": "x"}'], ids=["cut-short", "no-instances"])
def test_a_table_that_cannot_be_read_is_refused(suite: Miniature, text: str) -> None:
    suite.write("fixtures/instances.json", text)
    assert_refused(suite.run("--instance", "g5.xlarge"), "instances.json")

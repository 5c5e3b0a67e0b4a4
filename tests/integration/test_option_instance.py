"""``--instance TYPE`` names an instance type that may be launched, if the table knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .miniature import ALSO_WITH_WORKERS, Miniature, assert_refused

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL")
NOBODY = "no AWS credentials: sign in"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An environment without any AWS account."""
    # Pytest inside a test forgets the modules that it loaded, and this one takes a second.
    import boto3  # noqa: F401

    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    nowhere = tmp_path_factory.mktemp("nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def reasons(suite: Miniature) -> set[str]:
    return {row["reason"] for key, row in suite.rows().items() if key[2] == "sagemaker"}


@ALSO_WITH_WORKERS
def test_without_the_option_a_run_of_sagemaker_alone_says_what_to_pass(
    suite: Miniature, workers: tuple[str, ...]
) -> None:
    """All skipped would look like a good night."""
    run = suite.run_apart if workers else suite.run
    result = run("-m", "sagemaker", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "only cases of sagemaker are selected, which measures on AWS, at a cost: pass --instance TYPE" in str(
        result.stderr
    )
    assert suite.run("-m", "sagemaker", "--collect-only").ret == pytest.ExitCode.OK


def test_a_profile_that_does_not_exist_is_told(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "wrok")
    said = "no profile 'wrok' in the AWS configuration: set AWS_PROFILE to one of it: work"
    assert_refused(suite.run("-m", "sagemaker", "--instance", "g5.2xlarge"), said)
    monkeypatch.delenv("AWS_REGION")
    assert_refused(suite.run("-m", "sagemaker", "--instance", "g5.2xlarge"), said)


@pytest.mark.parametrize(
    "text",
    [
        "[default]\nendpoint_url = http://127.0.0.1:9\n",
        "[default]\nservices = here\n[services here]\nsagemaker =\n  endpoint_url = http://127.0.0.1:9\n",
    ],
    ids=["profile", "service"],
)
def test_an_endpoint_in_the_configuration_is_an_emulator_too(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert_refused(suite.run(*RECORD, "--instance", "g5.2xlarge"), NO_EVIDENCE)


def test_what_needs_another_type_says_which(suite: Miniature) -> None:
    """Nothing of the miniature runs on a g5.xlarge, so nothing is launched and nobody is asked for credentials."""
    result = suite.run("-m", "sagemaker", "--instance", "g5.xlarge")
    result.assert_outcomes(skipped=5, deselected=15)
    assert reasons(suite) == {
        "needs ml.g5.2xlarge: pass --instance g5.2xlarge",
        "needs ml.p4d.24xlarge: pass --instance p4d.24xlarge",
    }


def test_other_tiers_need_no_account(suite: Miniature) -> None:
    assert suite.run("-m", "cpu and not live", "--instance", "g5.2xlarge").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", ["g5.2xlarge", "ml.g5.2xlarge", "all"])
def test_without_credentials_a_run_ends_with_one_clear_message(suite: Miniature, name: str) -> None:
    result = suite.run("-m", "sagemaker", "--instance", name)
    assert_refused(result, NOBODY, "needs none")
    assert len([line for line in result.stderr.lines if line]) == 1


@pytest.mark.slow
def test_without_credentials_workers_get_no_test(suite: Miniature) -> None:
    result = suite.run_apart("-m", "sagemaker", "--instance", "g5.2xlarge", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert NOBODY in result.stderr.str()


def test_without_a_region_too(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert_refused(suite.run("-m", "sagemaker", "--instance", "g5.2xlarge"), "no AWS region: set AWS_REGION")


RECORD = ("-m", "sagemaker", "--record", "mine.json")
NO_EVIDENCE = "--record: an emulator's figures are no evidence, so no recording is made of them"


@pytest.mark.parametrize(
    ("instances", "more", "words"),
    [
        (("g9.huge",), (), ("unknown instance type 'g9.huge'", "known are g5.2xlarge, g5.xlarge")),
        (("ml.g9.huge",), (), ("unknown instance type 'ml.g9.huge'", "known are g5.2xlarge, g5.xlarge")),
        (("",), (), ("unknown instance type ''", "known are g5.2xlarge, g5.xlarge")),
        (("g5.xlarge", "G5.2XLARGE"), (), ("unknown instance type 'G5.2XLARGE'",)),
        (("g5.xlarge", "local"), (), ("--instance local is an emulator on this machine: it goes with no other",)),
        (("local",), ("-m", "sagemaker"), ("--instance local needs an emulator of SageMaker", "AWS_ENDPOINT_URL")),
        (("local",), RECORD, (NO_EVIDENCE,)),
    ],
    ids=["unknown", "unknown-ml", "empty", "one-unknown", "local-and-other", "local-without", "local-recorded"],
)
def test_what_makes_no_sense_is_refused(
    suite: Miniature, instances: tuple[str, ...], more: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(suite.run(*(f"--instance={name}" for name in instances), *more), *words)
    assert suite.program.log == []


def test_an_emulator_by_any_name_gives_no_evidence(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert_refused(suite.run(*RECORD, "--instance", "g5.2xlarge"), NO_EVIDENCE)


@pytest.mark.parametrize("text", ["{", '{"dated": "2026-09-01", "source": "x"}'], ids=["cut-short", "no-instances"])
def test_a_table_that_cannot_be_read_is_refused(suite: Miniature, text: str) -> None:
    suite.write("fixtures/instances.json", text)
    assert_refused(suite.run("--instance", "g5.xlarge"), "instances.json")

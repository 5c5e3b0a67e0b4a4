"""The account: read from the environment, patient but not for ever, and scrubbed by its own names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llm_claims.sagemaker.account import ATTEMPTS, Account, _ahead
from llm_claims.sagemaker.errors import SetUpError

NOW = datetime(2026, 11, 23, 3, 4, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return config


def test_it_is_read_from_the_environment() -> None:
    given = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}
    given |= {"LLM_CLAIMS_ROLE": "r", "LLM_CLAIMS_BUCKET": "b", "LLM_CLAIMS_SCHEDULE_ROLE": "s"}
    account = Account.of_environment({**given, "GITHUB_REPOSITORY": "acme/claims"})
    assert account == Account("eu-west-1", role="r", bucket="b", schedule_role="s", owner="acme/claims")


def test_the_region_may_be_that_of_the_configuration(no_configuration: Path) -> None:
    with pytest.raises(SetUpError, match="no AWS region"):
        Account.of_environment({})
    no_configuration.write_text("[default]\nregion = eu-north-1\n")
    assert Account.of_environment({}).region == "eu-north-1"


def test_a_call_is_tried_a_few_times_unless_the_user_says_otherwise(no_configuration: Path) -> None:
    assert Account("us-east-1").client("s3").meta.config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}
    assert Account("us-east-1").client("s3", attempts=1).meta.config.retries["total_max_attempts"] == 1
    no_configuration.write_text("[default]\nmax_attempts = 7\n")
    assert Account("us-east-1").client("s3").meta.config.retries["total_max_attempts"] == 7


def test_a_service_has_one_client() -> None:
    account = Account("us-east-1")
    assert account.client("s3") is account.client("s3")
    assert account.client("s3", read_timeout=5.0).meta.config.read_timeout == 5.0


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("Mon, 23 Nov 2026 03:04:25 GMT", 0),
        ("Mon, 23 Nov 2026 02:54:25 GMT", 600),
        ("Mon, 23 Nov 2026 03:04:25 GMT, Mon, 23 Nov 2026 03:14:25 GMT", -600),
        ("yesterday", 0),
        (None, 0),
    ],
)
def test_the_clock_is_compared_with_the_date_of_an_answer(sent: str | None, seconds: int) -> None:
    assert _ahead(NOW, sent) == timedelta(seconds=seconds)


def test_its_own_names_are_scrubbed() -> None:
    account = Account("us-east-1", role="arn:aws:iam::210987654321:role/jobs", bucket="our-bucket")
    assert account.scrub("our-bucket x210987654321x") == "<bucket> x<account>x"

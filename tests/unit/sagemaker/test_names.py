"""Names and run ids: sortable by time, accepted by AWS, and recognised as ours or not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.names import NAME_LENGTH, RUN_VARIABLE, RunId

RUN = RunId("20261123t015105-1a2b3c")
# SageMaker's own pattern, for jobs, models and endpoints alike.
SAGEMAKER = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,80}[a-zA-Z0-9])?", fullmatch=True)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, MOMENTS)
def test_run_ids_sort_by_time_and_tell_it(one: datetime, other: datetime) -> None:
    first, second = RunId.new(one), RunId.new(other)
    assert first.started == one.replace(microsecond=0)
    if first.started != second.started:
        assert (first < second) == (first.started < second.started)


def test_a_run_id_is_in_utc() -> None:
    here = datetime(2026, 11, 23, 3, 0, tzinfo=timezone(timedelta(hours=2)))
    assert RunId.new(here).text.startswith("20261123t010000-")


@pytest.mark.parametrize(
    "text", ["", "x", "20261123t015105", "20261323t015105-1a2b3c", "20261123t015105-1A2B3C", "a/b"]
)
def test_anything_else_is_no_run_id(text: str) -> None:
    with pytest.raises(SetUpError, match="is no run id: one looks like"):
        RunId(text)


@given(LABELS, st.booleans())
def test_aws_accepts_every_name_and_it_is_ours(label: str, full: bool) -> None:
    name = RUN.name(label, full_length=full)
    assert SAGEMAKER.fullmatch(name)
    assert len(name) <= NAME_LENGTH
    assert RunId.of_name(name) == RUN
    if full:
        assert len(name) == NAME_LENGTH


def test_no_two_names_are_the_same() -> None:
    assert len({RUN.name("train") for _ in range(200)}) == 200


@pytest.mark.parametrize("label", ["", "-x", "x-", "a b", "a_b", "ü", "a/b"])
def test_a_label_that_aws_would_refuse_is_refused(label: str) -> None:
    with pytest.raises(SetUpError, match="use letters, digits and hyphens"):
        RUN.name(label)


@pytest.mark.parametrize(
    "name",
    [
        "llm-claims-demo",
        "llm-claims-20261123t015105-1a2b3c",
        "llm-claims-20261123t015105-1a2b3c-",
        "llm-claims-20261399t015105-1a2b3c-train-abcdef",
        "my-llm-claims-20261123t015105-1a2b3c-train-abcdef",
        "llm-claims-\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0663t015105-1a2b3c-train-abcdef",
        "",
    ],
)
def test_names_of_others_are_nobodys(name: str) -> None:
    assert RunId.of_name(name) is None


@given(st.text(max_size=70))
def test_no_name_is_ever_too_odd_to_ask(name: str) -> None:
    assert RunId.of_name(name) is None
    assert RunId.of_s3_prefix(name) is None


def test_a_folder_in_the_bucket_tells_its_run() -> None:
    assert RunId.of_s3_prefix(RUN.s3_prefix) == RUN
    assert RunId.of_s3_prefix("llm-claims/20260101t000000/") is None
    assert RunId.of_s3_prefix(f"others/{RUN.s3_prefix}") is None


def test_a_worker_has_its_controllers_run() -> None:
    assert RunId.of_environment({RUN_VARIABLE: RUN.text}) == RUN
    assert RunId.of_environment({}) is None


def test_tags_say_which_run_when_and_whose() -> None:
    assert RUN.tags("acme/claims") == {
        "llm-claims:run": RUN.text,
        "llm-claims:created": "2026-11-23T01:51:05+00:00",
        "llm-claims:owner": "acme/claims",
    }

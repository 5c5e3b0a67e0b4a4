"""The log of a job that has ended, page by page, as CloudWatch gives it: empty pages, throttled pages, late pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.specs import JobResult, TrainingSpec
from llm_claims.sagemaker.training_jobs import TrainingJobs

SPEC = TrainingSpec("train", "image", "ml.g5.2xlarge", 1, Path(), "true", {}, 900)


@dataclass
class FakeAws:
    """A completed job with a log in pages; ``faults`` are the numbers of the GetLogEvents calls that are refused."""

    pages: list[list[str]]
    faults: range = range(0)
    now: float = 0.0
    reads: int = 0
    asked: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        resources = {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1}
        return {"TrainingJobStatus": "Completed", "ResourceConfig": resources, "BillableTimeInSeconds": 60}

    def get_paginator(self, _: str) -> Any:
        class Pages:
            def paginate(self, **_: Any) -> list[dict[str, Any]]:
                return [{"logStreams": [{"logStreamName": "job/algo-1-1"}]}]

        return Pages()

    def get_log_events(self, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        self.reads += 1
        if self.reads in self.faults:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetLogEvents")
        page = int(nextToken)
        lines = self.pages[page] if page < len(self.pages) else []
        token = str(min(page + 1, len(self.pages)))
        return {"events": [{"message": line} for line in lines], "nextForwardToken": token}

    def follow(self) -> JobResult:
        account = Account("us-east-1")
        object.__setattr__(account, "client", lambda service, **_: self)
        pace = Pace(sleep=self.sleep, now=lambda: self.now)
        return TrainingJobs(account).follow("job", SPEC, pace, lambda host, line: None)


@pytest.mark.parametrize(
    "pages",
    [[["one"], ["two"]], [[], [], [], [], ["one", "two"]], [["one"], [], [], [], [], ["two"]]],
    ids=["full", "empty first", "empty between"],
)
def test_pages_are_read_until_the_token_repeats(pages: list[list[str]]) -> None:
    assert FakeAws(pages).follow().lines == ("one", "two")


@pytest.mark.parametrize("faults", [range(1, 2), range(2, 3), range(2, 6)], ids=["first", "second", "several"])
def test_a_page_that_is_refused_is_read_again_and_no_line_is_heard_twice(faults: range) -> None:
    end = FakeAws([["one"], ["two"], ["three"]], faults).follow()
    assert (end.lines, end.failure) == (("one", "two", "three"), None)


def test_pages_that_are_refused_for_ever_lose_no_line_before_them() -> None:
    end = FakeAws([["one"], ["two"]], range(2, 10_000)).follow()
    assert end.lines == ("one",)
    assert (end.failure or "").startswith("reading the log /aws/sagemaker/TrainingJobs: ")

"""Reads the logs of containers from CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import cloud_errors, if_exists

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"
ENDPOINT_GROUP = "/aws/sagemaker/Endpoints/"


class LogReader:
    """Reads the log streams of one job or endpoint, each line once.

    Parameters
    ----------
    group
        The log group.
    stream_prefix
        The start of the streams' names. The host follows, and, for a job, a time: ``JOB/algo-1-1700000000``.
    """

    def __init__(self, account: Account, group: str, stream_prefix: str) -> None:
        self._account, self._group, self._prefix = account, group, stream_prefix
        self._next: dict[str, str] = {}

    def read(self) -> Iterator[tuple[str, str]]:
        """Yield the lines since the last call as (host, line), scrubbed, page by page.

        Raises
        ------
        CloudError
            The log cannot be read any further now. The lines before it were yielded; the next call goes on after them.
        """
        with cloud_errors(self._account, f"reading the log {self._group}"):
            for stream in self._streams():
                for line in self._new_in(stream):
                    yield _host(stream, self._prefix), line

    def _streams(self) -> list[str]:
        pages = self._account.client("logs").get_paginator("describe_log_streams").paginate
        # The log group does not exist until something is logged.
        found = if_exists(
            lambda: [
                str(stream["logStreamName"])
                for page in pages(logGroupName=self._group, logStreamNamePrefix=self._prefix)
                for stream in page["logStreams"]
            ]
        )
        return sorted(found or [])

    def _new_in(self, stream: str) -> Iterator[str]:
        while True:
            page = self._page(stream)
            for event in page["events"]:
                yield self._account.scrub(str(event["message"]))
            before, self._next[stream] = self._next.get(stream), page["nextForwardToken"]
            # CloudWatch returns the same token when there are no more lines. After an empty page there may be more.
            if self._next[stream] == before:
                return

    def _page(self, stream: str) -> dict[str, Any]:
        after = {"nextToken": self._next[stream]} if stream in self._next else {}
        page: dict[str, Any] = self._account.client("logs").get_log_events(
            logGroupName=self._group, logStreamName=stream, startFromHead=True, **after
        )
        return page


def _host(stream: str, prefix: str) -> str:
    """Return the host of a stream: ``JOB/algo-1-1700000000`` → ``algo-1``; an endpoint's stream names its machine."""
    last = stream.removeprefix(prefix)
    head, _, tail = last.rpartition("-")
    return head if head and tail.isdigit() and head.startswith("algo-") else last

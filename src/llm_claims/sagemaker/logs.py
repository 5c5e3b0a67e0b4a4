"""Reads what a container logs, from CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import looked_up, told

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"
ENDPOINT_GROUP = "/aws/sagemaker/Endpoints/"


class LogReader:
    """Reads on, from where it was, in every stream of one job or endpoint.

    Parameters
    ----------
    group
        The log group.
    stream_prefix
        What the names of the streams start with; what follows, up to the time, is the host.
    """

    def __init__(self, account: Account, group: str, stream_prefix: str) -> None:
        self._account, self._group, self._prefix = account, group, stream_prefix
        self._next: dict[str, str] = {}

    def read(self) -> list[tuple[str, str]]:
        """Return new lines as (host, line), scrubbed.

        Raises
        ------
        CloudError
            The log cannot be read.
        """
        with told(self._account, f"reading the log {self._group}"):
            return [(_host(stream, self._prefix), line) for stream in self._streams() for line in self._new_in(stream)]

    def _streams(self) -> list[str]:
        pages = self._account.client("logs").get_paginator("describe_log_streams").paginate
        # Until something is logged, there is no group.
        found = looked_up(
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
            token = page["nextForwardToken"]
            # The same token again: there is no more now.
            if token == self._next.get(stream) or not page["events"]:
                self._next[stream] = token
                return
            self._next[stream] = token

    def _page(self, stream: str) -> dict[str, Any]:
        after = {"nextToken": self._next[stream]} if stream in self._next else {}
        page: dict[str, Any] = self._account.client("logs").get_log_events(
            logGroupName=self._group, logStreamName=stream, startFromHead=True, **after
        )
        return page


def _host(stream: str, prefix: str) -> str:
    """``JOB/algo-1-1700000000`` → ``algo-1``; an endpoint's stream is named after its machine."""
    last = stream.removeprefix(prefix)
    head, _, tail = last.rpartition("-")
    return head if head and tail.isdigit() and head.startswith("algo-") else last

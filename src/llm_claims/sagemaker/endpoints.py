"""Endpoints: created, awaited, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import create, is_want_of_capacity, looked_up, removed, told
from llm_claims.sagemaker.errors import CloudError, EndpointError, NoCapacity
from llm_claims.sagemaker.in_service import InService, last_lines, with_log
from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.kinds import State
from llm_claims.sagemaker.listing import listed, tag_list
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.search import tagged
from llm_claims.sagemaker.specs import EndpointSpec


class Endpoints:
    """What is billed from its start until it is deleted."""

    kind: ResourceKind = "endpoint"

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, run: RunId, name: str) -> None:
        """Create an endpoint with the configuration of the same name.

        Raises
        ------
        NoCapacity
            No quota for the instance type.
        CloudError
            It was not created.
        """
        client = self._account.client("sagemaker")
        create(
            self._account,
            f"creating endpoint {name}",
            lambda: client.create_endpoint(
                EndpointName=name, EndpointConfigName=name, Tags=tag_list(self._account, run)
            ),
            lambda: self._describe(name) is not None,
        )

    def wait(self, name: str, spec: EndpointSpec, pace: Pace) -> InService:
        """Wait until an endpoint is in service.

        Raises
        ------
        NoCapacity
            There was no machine for it.
        EndpointError
            It failed, or took too long; with the last lines of its log.
        """
        deadline = pace.now() + spec.start_up_seconds
        while True:
            with told(self._account, f"looking at endpoint {name}"):
                found = self._describe(name)
            if found is None:
                raise EndpointError(f"endpoint {name} is not there any more: somebody else deleted it")
            if found["EndpointStatus"] == "InService":
                return InService(self._account, name, found, spec.instance_type, pace)
            if found["EndpointStatus"] != "Creating":
                raise self._failure(name, spec, found)
            if pace.now() > deadline:
                why = f"endpoint {name} is not in service after {spec.start_up_seconds} s"
                raise EndpointError(with_log(self._account, why, last_lines(self._account, name)))
            pace.sleep(pace.poll)

    def _failure(self, name: str, spec: EndpointSpec, found: dict[str, Any]) -> CloudError:
        reason = self._account.scrub(str(found.get("FailureReason", found["EndpointStatus"])))
        if is_want_of_capacity(reason):
            return NoCapacity(f"no machine for endpoint {name} on {spec.instance_type}: {reason}")
        why = f"endpoint {name} did not start: {reason}"
        return EndpointError(with_log(self._account, why, last_lines(self._account, name)))

    def names(self, run: RunId | None) -> Iterator[str]:
        """Of one run, or of any."""
        return listed(self._account, "list_endpoints", "Endpoints", "EndpointName", run)

    def tagged(self, run: RunId | None) -> Iterator[tuple[str, str]]:
        """Those with the tag of a run."""
        return tagged(self._account, "Endpoint", run)

    def state(self, name: str) -> State:
        """A failed one is there, too: it has to be deleted."""
        found = self._describe(name)
        if found is None:
            return "gone"
        return "ending" if found["EndpointStatus"] == "Deleting" else "there"

    def remove(self, name: str) -> None:
        """Delete it. AWS refuses that while it is being created: ask again."""
        removed(lambda: self._account.client("sagemaker").delete_endpoint(EndpointName=name))

    def _describe(self, name: str) -> dict[str, Any] | None:
        return looked_up(lambda: self._account.client("sagemaker").describe_endpoint(EndpointName=name))

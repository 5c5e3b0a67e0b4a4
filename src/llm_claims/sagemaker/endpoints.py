"""Endpoints: create one, wait until it serves, delete it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llm_claims.sagemaker.calls import cloud_errors, create_once, if_exists, is_capacity_error, steadily
from llm_claims.sagemaker.errors import CloudError, EndpointError, NoCapacity
from llm_claims.sagemaker.in_service import InService, last_lines, with_log
from llm_claims.sagemaker.listing import list_named, list_tagged, tag_list
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.resources import Found, Resources, State
from llm_claims.sagemaker.specs import EndpointSpec


class Endpoints(Resources):
    """The account's endpoints. Each is billed from its start until it is deleted."""

    type = "endpoint"

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
        create_once(
            self._account,
            f"creating endpoint {name}",
            lambda: client.create_endpoint(
                EndpointName=name, EndpointConfigName=name, Tags=tag_list(self._account, run)
            ),
            lambda: self.exists(name),
        )

    def wait(self, name: str, spec: EndpointSpec, pace: Pace) -> InService:
        """Wait until an endpoint is in service.

        Raises
        ------
        NoCapacity
            AWS had no machine for it.
        EndpointError
            It failed, was deleted, or took longer than ``spec.start_up_seconds``; the text ends with its log.
        """
        deadline = pace.now() + spec.start_up_seconds
        while True:
            found = steadily(lambda: self._look(name), pace)
            if found is None:
                raise EndpointError(f"endpoint {name} was deleted by somebody else while it started")
            if found["EndpointStatus"] == "InService":
                return InService(self._account, name, found, spec.instance_type, pace)
            if found["EndpointStatus"] != "Creating":
                raise self._failure(name, spec, found)
            if pace.now() > deadline:
                why = f"endpoint {name} is not in service after {spec.start_up_seconds} s"
                raise EndpointError(with_log(self._account, why, last_lines(self._account, name)))
            pace.sleep(pace.poll)

    def _failure(self, name: str, spec: EndpointSpec, found: dict[str, Any]) -> CloudError:
        """Return the error for an endpoint that did not start, from AWS's description of it."""
        reason = self._account.scrub(str(found.get("FailureReason", found["EndpointStatus"])))
        if is_capacity_error(reason):
            return NoCapacity(f"no machine for endpoint {name} on {spec.instance_type}: {reason}")
        why = f"endpoint {name} did not start: {reason}"
        return EndpointError(with_log(self._account, why, last_lines(self._account, name)))

    def listed(self, run: RunId | None) -> Iterator[Found]:
        """List the endpoints of one run, or of any run."""
        return list_named(self._account, "list_endpoints", "Endpoints", "EndpointName", run)

    def tagged(self, run: RunId | None) -> Iterator[Found]:
        """List the endpoints that carry the tag of one run, or of any run."""
        return list_tagged(self._account, "Endpoint", run)

    def exists(self, name: str) -> bool:
        """Whether an endpoint of this name exists, in whatever status."""
        return self._describe(name) is not None

    def state(self, name: str) -> State:
        """Whether an endpoint is there, is being deleted, or is gone. A failed one is there until it is deleted."""
        found = self._describe(name)
        if found is None:
            return "gone"
        return "ending" if found["EndpointStatus"] == "Deleting" else "there"

    def remove(self, name: str) -> None:
        """Delete an endpoint. AWS refuses while it is being created: call again then."""
        if_exists(lambda: self._account.client("sagemaker").delete_endpoint(EndpointName=name))

    def _look(self, name: str) -> dict[str, Any] | None:
        with cloud_errors(self._account, f"looking at endpoint {name}"):
            return self._describe(name)

    def _describe(self, name: str) -> dict[str, Any] | None:
        return if_exists(lambda: self._account.client("sagemaker").describe_endpoint(EndpointName=name))

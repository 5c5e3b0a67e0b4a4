"""What can go wrong in an AWS account, in words for a person."""

from __future__ import annotations

from llm_claims.errors import ClaimsError


class CloudError(ClaimsError):
    """A call, a job or an endpoint failed; the text holds no account id, ARN, bucket or request id."""


class NoCapacity(CloudError):
    """AWS refused for want of quota or of machines: the verdict is inconclusive, never contradicted."""


class SetUpError(CloudError):
    """The account, its role, its bucket or the clock is not fit for a run: nothing was created."""


class NoQuota(NoCapacity, SetUpError):
    """The quota of an instance type is too small: known before anything was created."""


class EndpointError(CloudError):
    """An endpoint could not be started, or answered an invocation with an error."""


class OutOfTime(CloudError):
    """A wait came to its end before the job or the endpoint did."""

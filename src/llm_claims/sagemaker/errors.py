"""What can go wrong in an AWS account. The texts hold no account id, ARN, bucket name or request id."""

from __future__ import annotations

from llm_claims.errors import ClaimsError


class CloudError(ClaimsError):
    """An AWS call, a training job or an endpoint failed."""


class NoCapacity(CloudError):
    """AWS has no quota or no free machine for an instance type; the verdict is then inconclusive."""


class SetUpError(CloudError):
    """The account, a role, the bucket, the clock or an argument cannot be used; nothing was created."""


class BucketUnknown(SetUpError):
    """AWS does not say whether the bucket can be used."""


class NoQuota(NoCapacity, SetUpError):
    """The quota of an instance type is too small; nothing was created."""


class EndpointError(CloudError):
    """An endpoint did not start, or did not answer a request."""


class RequestRefused(EndpointError):
    """AWS refused a request to an endpoint before the model saw it: too many at a time. It can be sent again."""

"""Checks of the account before anything is created in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import aws_errors, error_code, error_text
from llm_claims.sagemaker.errors import BucketUnknown, CloudError, SetUpError
from llm_claims.sagemaker.images import find_digest, is_ecr_address
from llm_claims.sagemaker.quotas import check_quotas, check_types, quota_name, read_quotas
from llm_claims.sagemaker.roles import check_roles

# AWS refuses signatures whose time differs from its own by more than five minutes.
CLOCK_TOLERANCE = timedelta(minutes=4)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_INVALID = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId"}
_CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException"}


@dataclass(frozen=True)
class PlannedResources:
    """The machines and images that a run is going to use.

    Parameters
    ----------
    training, endpoints
        Instance type (``ml.…``) → the machines of it that one launch needs at most.
    images
        Addresses of container images: registry, repository and tag.
    """

    training: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, int] = field(default_factory=dict)
    images: frozenset[str] = frozenset()


def check(account: Account, planned: PlannedResources) -> dict[str, int]:
    """Check region, instance types, credentials, clock, roles, bucket, images and quotas; create nothing.

    Return the quotas of the planned machines: name → the most machines at one time.

    Raises
    ------
    NoQuota
        The quota for an instance type is too small.
    SetUpError
        Another check failed; the text says what is wrong and what to do.
    """
    try:
        check_region(account)
        check_types(account, "training job", planned.training)
        check_types(account, "endpoint", planned.endpoints)
        check_caller(account)
        check_roles(account)
        check_bucket(account)
        check_images(account, planned.images)
        quotas = read_quotas(account) if planned.training or planned.endpoints else {}
        check_quotas(quotas, "training job", planned.training, account.region)
        check_quotas(quotas, "endpoint", planned.endpoints, account.region)
        names = [quota_name("training job", one) for one in planned.training]
        names += [quota_name("endpoint", one) for one in planned.endpoints]
        return {name: int(quotas[name]) for name in names}
    except SetUpError:
        raise
    except CloudError as error:
        raise SetUpError(f"cannot check the account: {error}") from None


def check_region(account: Account) -> None:
    """Check the region against the list in boto3, without asking AWS.

    Raises
    ------
    SetUpError
        SageMaker is not in the region.
    """
    session = account.session
    known = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sagemaker", partition_name=partition)
    }
    if account.region not in known:
        area = account.region.split("-")[0]
        near = ", ".join(sorted(region for region in known if region.startswith(f"{area}-"))) or "us-east-1, …"
        raise SetUpError(f"wrong region: SageMaker is not in {account.region!r}. Set AWS_REGION to one of {near}")


def check_caller(account: Account) -> None:
    """Check that AWS accepts the credentials, and that this machine's clock is right to within `CLOCK_TOLERANCE`.

    Raises
    ------
    SetUpError
        There are no credentials, AWS refuses them, or the clock is wrong.
    """
    try:
        ahead = account.caller.ahead
    except aws_errors() as error:
        raise SetUpError(_refusal(account, error)) from None
    if abs(ahead) > CLOCK_TOLERANCE:
        minutes = abs(ahead).total_seconds() / 60
        raise SetUpError(_clock(f"is {minutes:.0f} min {'ahead of' if ahead > timedelta(0) else 'behind'}"))


def _refusal(account: Account, error: Exception) -> str:
    """Say why AWS did not return the caller's identity, and what to do."""
    code, text = error_code(error), error_text(error)
    if code in _EXPIRED:
        return "the AWS credentials have expired: sign in again (aws sso login), or renew them"
    if code in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"):
        return (
            "no AWS credentials: sign in (aws sso login), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. "
            "--plan shows what a run would do and cost, and needs none"
        )
    if code in _CLOCK or (code in _SIGNATURE and ("not yet current" in text or "expired" in text)):
        return _clock("differs by more than five minutes from")
    if code in _INVALID | _SIGNATURE:
        return (
            f"AWS does not accept the credentials in {account.region} ({code}): check the profile, "
            "and whether your account has enabled this region"
        )
    return f"AWS in {account.region} did not answer who the caller is: {code}: {account.scrub(text)}"


def _clock(how: str) -> str:
    return f"the clock of this machine {how} AWS's: set it by network time (timedatectl set-ntp true)"


def check_bucket(account: Account) -> None:
    """Check that the bucket exists, belongs to this account, and is in its region.

    Raises
    ------
    BucketUnknown
        AWS does not answer.
    SetUpError
        No bucket is set, or it fails a check.
    """
    if not account.bucket:
        raise SetUpError("no bucket is set: create one, and set LLM_CLAIMS_BUCKET to its name")
    try:
        answer = account.client("s3").head_bucket(Bucket=account.bucket, ExpectedBucketOwner=account.caller.number)
    except aws_errors() as error:
        code = error_code(error)
        if code in ("403", "AccessDenied", "Forbidden"):
            why = "belongs to another account, or you may not list it"
        elif code in ("404", "NoSuchBucket", "NotFound"):
            why = "does not exist: create it, or name another"
        elif code in ("301", "PermanentRedirect", "400"):
            why = f"is in another region than {account.region}"
        else:
            text = account.scrub(error_text(error))
            raise BucketUnknown(f"the bucket of LLM_CLAIMS_BUCKET cannot be used: {text}") from None
        raise SetUpError(f"the bucket of LLM_CLAIMS_BUCKET {why}") from None
    region = answer.get("BucketRegion") or account.region
    if region != account.region:
        raise SetUpError(f"the bucket of LLM_CLAIMS_BUCKET is in {region}, and jobs run in {account.region}")


def check_images(account: Account, images: frozenset[str]) -> None:
    """Check that AWS's registry still has each image.

    Raises
    ------
    SetUpError
        An image is gone, or its address is not one of AWS's registry.
    CloudError
        The registry cannot be asked.
    """
    for image in sorted(images):
        shown = image.partition("/")[2]
        if not is_ecr_address(image):
            raise SetUpError(f"SageMaker runs only images of AWS's registry, and {image!r} is not one")
        if find_digest(account, image) is None:
            raise SetUpError(f"AWS's registry does not have the image {shown} any more: choose another --stack")

"""Everything that can be known to be wrong before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import code_of
from llm_claims.sagemaker.errors import CloudError, SetUpError
from llm_claims.sagemaker.quotas import check_quotas, check_types, read_quotas
from llm_claims.sagemaker.registry import find_digest, is_of_registry
from llm_claims.sagemaker.roles import check_roles

# AWS refuses a signature that is more than five minutes old, or young.
CLOCK_TOLERANCE = timedelta(minutes=4)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_INVALID = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId"}
_CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException"}


@dataclass(frozen=True)
class Needs:
    """What a run is going to launch.

    Parameters
    ----------
    training, endpoints
        Instance type (``ml.…``) → the most machines of it that are in use at one time.
    images
        Container images, with registry and tag.
    """

    training: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, int] = field(default_factory=dict)
    images: frozenset[str] = frozenset()


def check(account: Account, needs: Needs) -> None:
    """Check region, credentials, clock, instance types, role, bucket, images and quotas; nothing is created.

    Raises
    ------
    NoQuota
        The quota for an instance type is too small.
    SetUpError
        Something else is not fit; the text says what, and what to do.
    """
    try:
        check_region(account)
        check_types(account, "training job", needs.training)
        check_types(account, "endpoint", needs.endpoints)
        check_caller(account)
        check_roles(account)
        check_bucket(account)
        check_images(account, needs.images)
        quotas = read_quotas(account) if needs.training or needs.endpoints else {}
        check_quotas(quotas, "training job", needs.training, account.region)
        check_quotas(quotas, "endpoint", needs.endpoints, account.region)
    except SetUpError:
        raise
    except CloudError as error:
        raise SetUpError(f"cannot tell whether the account is fit for a run: {error}") from None


def check_region(account: Account) -> None:
    """Check that SageMaker is in the region, by boto3's own list.

    Raises
    ------
    SetUpError
        It is not.
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
        raise SetUpError(f"wrong region: SageMaker is not in {account.region!r}. Set AWS_REGION, to one of {near}")


def check_caller(account: Account) -> None:
    """Check that AWS accepts the credentials, and that the clocks agree.

    Raises
    ------
    SetUpError
        There are no credentials, or AWS refuses them; or the clock of this machine is wrong.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        ahead = account.caller.ahead
    except (ClientError, BotoCoreError) as error:
        raise SetUpError(_refusal(account, error)) from None
    if abs(ahead) > CLOCK_TOLERANCE:
        raise SetUpError(_clock(f"is {_minutes(ahead)} {'ahead' if ahead > timedelta(0) else 'behind'}"))


def _refusal(account: Account, error: Exception) -> str:
    code, text = code_of(error), str(error)
    if code in _EXPIRED:
        return "the AWS credentials have expired: sign in again (aws sso login), or renew them"
    if code in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"):
        return (
            "no AWS credentials: sign in (aws sso login), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. "
            "To see what a run would do and cost, --plan needs none"
        )
    if code in _CLOCK or (code in _SIGNATURE and ("not yet current" in text or "expired" in text)):
        return _clock("differs by more than five minutes")
    if code in _INVALID | _SIGNATURE:
        return (
            f"AWS does not accept the credentials in {account.region} ({code}): check the profile; "
            "a region that has to be enabled first refuses all"
        )
    return f"AWS in {account.region} does not say who we are: {code}: {account.scrub(text)}"


def _clock(how: str) -> str:
    return f"the clock of this machine {how} of AWS's: set it by network time (timedatectl set-ntp true)".replace(
        "five minutes of AWS's", "five minutes from AWS's"
    )


def _minutes(ahead: timedelta) -> str:
    return f"{abs(ahead).total_seconds() / 60:.0f} min"


def check_bucket(account: Account) -> None:
    """Check that the bucket exists, is this account's own, and is in the region.

    Raises
    ------
    SetUpError
        It is not.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if not account.bucket:
        raise SetUpError("no bucket is set: name one of your own in LLM_CLAIMS_BUCKET; none is made for you")
    try:
        answer = account.client("s3").head_bucket(Bucket=account.bucket, ExpectedBucketOwner=account.caller.number)
    except (ClientError, BotoCoreError) as error:
        code = code_of(error)
        if code in ("403", "AccessDenied", "Forbidden"):
            why = "is not ours: it belongs to another account, or you may not list it"
        elif code in ("404", "NoSuchBucket", "NotFound"):
            why = "does not exist: make it, or name another"
        elif code in ("301", "PermanentRedirect", "400"):
            why = f"is in another region than {account.region}"
        else:
            why = f"cannot be used: {account.scrub(str(error))}"
        raise SetUpError(f"the bucket of LLM_CLAIMS_BUCKET {why}") from None
    region = answer.get("BucketRegion") or account.region
    if region != account.region:
        raise SetUpError(f"the bucket of LLM_CLAIMS_BUCKET is in {region}, and jobs run in {account.region}")


def check_images(account: Account, images: frozenset[str]) -> None:
    """Check that the registry still has each image.

    Raises
    ------
    SetUpError
        One is gone, or is not in AWS's registry.
    CloudError
        The registry does not say.
    """
    for image in sorted(images):
        shown = image.partition("/")[2]
        if not is_of_registry(image):
            raise SetUpError(f"SageMaker runs images of AWS's registry alone, and {image!r} is not one")
        if find_digest(account, image) is None:
            raise SetUpError(f"the image {shown} is gone: the registry has it no more. Choose another --stack")

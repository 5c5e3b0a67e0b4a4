"""What a failed call to AWS means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import CloudError, NoCapacity

T = TypeVar("T")

_NO_CAPACITY = re.compile(
    r"CapacityError|InsufficientInstanceCapacity|InsufficientCapacity|ResourceLimitExceeded"
    r"|Unable to provision requested ML compute capacity|account-level service limit",
)
_MISSING_CODES = {
    "ResourceNotFound",
    "ResourceNotFoundException",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchEntity",
    "NoSuchUpload",
    "RepositoryNotFoundException",
    "ImageNotFoundException",
    "404",
}
# SageMaker says so in the text alone, under the code ValidationException.
_MISSING_TEXT = re.compile(r"could not find|does not exist|not found", re.IGNORECASE)


def code_of(error: BaseException) -> str:
    """Return the error code of AWS, or the name of the exception if AWS did not answer."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def is_missing(error: BaseException) -> bool:
    """Whether AWS says that the resource is not there."""
    code = code_of(error)
    return code in _MISSING_CODES or (code == "ValidationException" and bool(_MISSING_TEXT.search(str(error))))


def is_want_of_capacity(text: str) -> bool:
    """Whether an error or a FailureReason means that there is no quota, or no machine."""
    return bool(_NO_CAPACITY.search(text))


@contextmanager
def told(account: Account, doing: str) -> Iterator[None]:
    """Turn what boto3 raises within into a `CloudError` that says what was being done.

    Raises
    ------
    NoCapacity
        AWS refused for want of quota or of machines.
    CloudError
        Anything else that AWS, or the way there, did wrong.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        text = account.scrub(str(error))
        kind = NoCapacity if is_want_of_capacity(f"{code_of(error)} {error}") else CloudError
        raise kind(f"{doing}: {text}") from None


def create(account: Account, doing: str, call: Callable[[], object], exists: Callable[[], bool]) -> None:
    """Create a resource under a name nobody else has; an error is none if the resource is there all the same.

    A response may be lost after its call took effect; the retry is then refused, because the name is taken.

    Raises
    ------
    CloudError
        It was not created, as far as AWS can tell.
    """
    try:
        with told(account, doing):
            call()
    except CloudError:
        with told(account, f"{doing}: looking for it after an error"):
            if exists():
                return
        raise


def looked_up(call: Callable[[], T]) -> T | None:
    """Return what ``call`` returns, or None if AWS says that the resource is not there."""
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def removed(call: Callable[[], object]) -> None:
    """Remove something; that it is gone already is fine."""
    looked_up(call)

"""Calls to AWS: what their errors mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import CloudError, NoCapacity
from llm_claims.sagemaker.pace import Pace

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
# SageMaker reports a missing resource as a ValidationException with one of these texts.
_MISSING_TEXT = re.compile(r"could not find|does not exist|not found", re.IGNORECASE)


def aws_errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the errors that a call of boto3 may raise: AWS's refusals, broken connections, answers not from AWS.

    ``more`` are added.

    A proxy may answer in place of AWS, with a page that is no answer at all, or lacks what the answer has to have.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return (BotoCoreError, ClientError, Boto3Error, ResponseParserError, KeyError, *more)


def error_code(error: BaseException) -> str:
    """Return the error code of AWS, or the exception's class name if AWS did not answer."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def error_text(error: BaseException) -> str:
    """Return the text of an error; of an answer that is not AWS's, only that it is not."""
    text = str(error)
    if type(error).__name__ == "ResponseParserError" or isinstance(error, KeyError) or "<html" in text.lower():
        return "what answered is not AWS (a proxy, or a page to sign in?)"
    return text


def is_missing(error: BaseException) -> bool:
    """Whether an error says that the resource does not exist."""
    code = error_code(error)
    return code in _MISSING_CODES or (code == "ValidationException" and bool(_MISSING_TEXT.search(str(error))))


def is_capacity_error(text: str) -> bool:
    """Whether an error message or a FailureReason says that a quota is reached or no machine is free."""
    return bool(_NO_CAPACITY.search(text))


@contextmanager
def cloud_errors(account: Account, doing: str) -> Iterator[None]:
    """Turn an error of boto3 into a `CloudError` that starts with ``doing``; account names are scrubbed from it.

    Raises
    ------
    NoCapacity
        A quota is reached, or AWS has no free machine.
    CloudError
        Any other error of AWS or of the connection.
    """
    try:
        yield
    except aws_errors() as error:
        kind = NoCapacity if is_capacity_error(f"{error_code(error)} {error}") else CloudError
        raise kind(f"{doing}: {account.scrub(error_text(error))}") from None


def steadily(look: Callable[[], T], pace: Pace) -> T:
    """Return what ``look`` returns. After an error look again, at growing intervals.

    Raises
    ------
    CloudError
        Every look has failed for `Pace.trouble`.
    """
    began, interval = pace.now(), pace.poll
    while True:
        try:
            return look()
        except CloudError:
            if pace.now() - began >= pace.trouble:
                raise
        pace.sleep(interval)
        interval = min(2 * interval, 60.0)


def create_once(account: Account, doing: str, call: Callable[[], object], exists: Callable[[], bool]) -> None:
    """Create a resource under a new unique name; if it exists after an error, report success.

    boto3 retries a call whose response was lost. The first call may have taken effect, and AWS then refuses the
    retry because the name is taken.

    Raises
    ------
    NoCapacity
        A quota is reached, or AWS has no free machine.
    CloudError
        The resource was not created, or AWS does not say whether it was.
    """
    try:
        with cloud_errors(account, doing):
            call()
    except CloudError:
        with cloud_errors(account, f"{doing}: looking for it after an error"):
            if exists():
                return
        raise


def if_exists(call: Callable[[], T]) -> T | None:
    """Return what ``call`` returns, or None if the resource that it describes or deletes does not exist.

    Raises
    ------
    botocore.exceptions.ClientError
        AWS refused the call for another reason.
    """
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if is_missing(error):
            return None
        raise

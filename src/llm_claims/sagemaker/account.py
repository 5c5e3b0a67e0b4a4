"""The AWS account of a run: its region, roles and bucket, and clients for its services."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.scrub import Scrubber, scrub

ROLE_VARIABLE = "LLM_CLAIMS_ROLE"
SCHEDULE_ROLE_VARIABLE = "LLM_CLAIMS_SCHEDULE_ROLE"
BUCKET_VARIABLE = "LLM_CLAIMS_BUCKET"
KEY_VARIABLE = "LLM_CLAIMS_KMS_KEY"
SUBNETS_VARIABLE = "LLM_CLAIMS_SUBNETS"
GROUPS_VARIABLE = "LLM_CLAIMS_SECURITY_GROUPS"
# How often a call is tried. Few: an error that stays is reported, and a sweep tries again later.
ATTEMPTS = 4
_TIMEOUTS = {"connect_timeout": 10, "read_timeout": 65}


@dataclass(frozen=True)
class Caller:
    """The identity behind this process's credentials.

    ``number`` is the account id; ``ahead`` is how far the clock of this machine is ahead of AWS's.
    """

    number: str
    arn: str
    ahead: timedelta


@dataclass(frozen=True)
class Place:
    """Where a resource is: the id of the account, the region, and for an upload the bucket."""

    account: str
    region: str
    bucket: str | None


@dataclass(frozen=True)
class Account:
    """The account and region in which resources are created.

    Parameters
    ----------
    region
        Such as ``us-east-1``.
    role
        ARN of the role that jobs and endpoints run as. A sweep needs none.
    bucket
        Name of an existing bucket for source code and models. Without it, a sweep looks for no uploads.
    schedule_role
        ARN of the role that deletion schedules run as; None for ``role``.
    owner
        Whom to ask about a resource: the value of its owner tag.
    kms_key
        Id or ARN of the KMS key that uploads and outputs are encrypted with; None for the bucket's own setting.
    subnets, security_groups
        Ids of those that jobs and models run in; empty for SageMaker's own network.
    """

    region: str
    role: str | None = None
    bucket: str | None = None
    schedule_role: str | None = None
    owner: str = "llm-claims"
    kms_key: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    _clients: dict[tuple[str, float, int, str], Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Account:
        """Read the account from environment variables.

        The region is read as boto3 does; roles and bucket from ``LLM_CLAIMS_ROLE``, ``LLM_CLAIMS_SCHEDULE_ROLE`` and
        ``LLM_CLAIMS_BUCKET``; the key from ``LLM_CLAIMS_KMS_KEY``; the network from ``LLM_CLAIMS_SUBNETS`` and
        ``LLM_CLAIMS_SECURITY_GROUPS``, ids with commas between; the owner from ``GITHUB_REPOSITORY``.

        Raises
        ------
        SetUpError
            No region is set anywhere, one of subnets and security groups is set without the other, or boto3 is not
            installed.
        """
        given = os.environ if environment is None else environment
        region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or _configured_region()
        if not region:
            raise SetUpError("no AWS region: set AWS_REGION, or region in the profile of your AWS configuration")
        subnets, groups = (_ids(given.get(name, "")) for name in (SUBNETS_VARIABLE, GROUPS_VARIABLE))
        if bool(subnets) != bool(groups):
            raise SetUpError(f"a network needs both: set {SUBNETS_VARIABLE} and {GROUPS_VARIABLE}, or neither")
        return cls(
            region=region,
            role=given.get(ROLE_VARIABLE) or None,
            bucket=given.get(BUCKET_VARIABLE) or None,
            schedule_role=given.get(SCHEDULE_ROLE_VARIABLE) or None,
            owner=given.get("GITHUB_REPOSITORY") or "llm-claims",
            kms_key=given.get(KEY_VARIABLE) or None,
            subnets=subnets,
            security_groups=groups,
        )

    @cached_property
    def session(self) -> Any:
        """The boto3 session of all clients, with this project's time limits and number of attempts.

        Raises
        ------
        SetUpError
            The AWS configuration cannot be used.
        """
        boto3 = _boto3()
        from botocore.config import Config

        session = _retrying_session()
        session.set_default_client_config(Config(**_TIMEOUTS))
        with _sound_configuration():
            return boto3.Session(botocore_session=session, region_name=self.region)

    def client(
        self,
        service: str,
        *,
        read_timeout: float = _TIMEOUTS["read_timeout"],
        attempts: int = ATTEMPTS,
        region: str | None = None,
    ) -> Any:
        """Return the boto3 client of one service. Equal arguments return the same client; threads may share it.

        Parameters
        ----------
        service
            Its name in boto3, such as ``sagemaker``.
        read_timeout
            Seconds to wait for a response.
        attempts
            How often a call is tried; 1 for calls that are timed.
        region
            Another region than the account's.
        """
        from botocore.config import Config

        key = (service, read_timeout, attempts, region or self.region)
        with self._lock:
            if key not in self._clients:
                config: dict[str, Any] = {"read_timeout": read_timeout}
                if attempts != ATTEMPTS:
                    config["retries"] = {"mode": "standard", "total_max_attempts": attempts}
                self._clients[key] = self.session.client(service, region_name=region, config=Config(**config))
            return self._clients[key]

    @cached_property
    def caller(self) -> Caller:
        """The identity behind the credentials, and the error of this machine's clock.

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            AWS refuses the credentials, or cannot be reached.
        """
        answer = self.client("sts").get_caller_identity()
        ahead = _ahead(datetime.now(UTC), answer["ResponseMetadata"]["HTTPHeaders"].get("date"))
        return Caller(str(answer["Account"]), str(answer["Arn"]), ahead)

    @property
    def place(self) -> Place:
        """Where this account's resources are; raises what `caller` raises."""
        return Place(self.caller.number, self.region, self.bucket)

    @property
    def partition(self) -> str:
        """The partition of the region, such as ``aws`` or ``aws-cn``."""
        return str(self.session.get_partition_for_region(self.region))

    @property
    def scrub(self) -> Scrubber:
        """A scrubber that also removes this account's id, roles and bucket.

        It makes no call, since it scrubs the errors of failed calls. The account's id is known once `caller` was read.
        """
        known = {
            self.bucket or "": "<bucket>",
            self.__dict__["caller"].number if "caller" in self.__dict__ else "": "<account>",
        }
        for arn in (self.role, self.schedule_role):
            if arn and arn.count(":") >= 5:
                known |= {arn: "<arn>", arn.split(":")[4]: "<account>"}
        return Scrubber(known)


def _ids(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def _configured_region() -> str | None:
    """Return the region in the user's AWS configuration, if it names one."""
    _boto3()
    import botocore.session

    with _sound_configuration():
        region = botocore.session.Session().get_config_variable("region")
    return str(region) if region else None


@contextmanager
def _sound_configuration() -> Iterator[None]:
    """Turn an error about the AWS configuration into a `SetUpError`."""
    import botocore.session
    from botocore.exceptions import BotoCoreError, ProfileNotFound

    try:
        yield
    except ProfileNotFound as error:
        there = ", ".join(sorted(botocore.session.Session().available_profiles)) or "none"
        profile = error.kwargs["profile"]
        raise SetUpError(
            f"no profile {profile!r} in the AWS configuration: set AWS_PROFILE to one of it: {there}"
        ) from None
    except BotoCoreError as error:
        raise SetUpError(f"the AWS configuration cannot be read: {scrub(str(error))}") from None


def _ahead(now: datetime, sent: str | None) -> timedelta:
    """Return how far ``now`` is ahead of the date header of an HTTP response; zero without a valid header."""
    # A proxy may have added a date of its own; that of AWS comes last.
    dates = re.findall(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT", sent or "")
    return now - parsedate_to_datetime(dates[-1]) if dates else timedelta(0)


def _boto3() -> Any:
    try:
        import boto3
    except ImportError:
        raise SetUpError("boto3 is not installed: pip install 'llm-claims[sagemaker]'") from None
    return boto3


def _retrying_session() -> Any:
    import botocore.session

    class Session(botocore.session.Session):  # type: ignore[misc]
        """A session whose clients try `ATTEMPTS` times, unless the user's configuration sets a number.

        The SDK makes clients of its own from this session, with ten attempts unless the configuration sets a number.
        """

        def get_scoped_config(self) -> Any:
            return {"retry_mode": "standard", "max_attempts": str(ATTEMPTS), **super().get_scoped_config()}

    return Session()

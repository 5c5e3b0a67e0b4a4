"""The AWS account a run works in: its region, its role, its bucket, and clients for its services."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.scrub import Scrubber

ROLE_VARIABLE = "LLM_CLAIMS_ROLE"
SCHEDULE_ROLE_VARIABLE = "LLM_CLAIMS_SCHEDULE_ROLE"
BUCKET_VARIABLE = "LLM_CLAIMS_BUCKET"
# Few: a refusal that lasts is reported, and a sweep comes back to it.
ATTEMPTS = 4
_TIMEOUTS = {"connect_timeout": 10, "read_timeout": 65}


@dataclass(frozen=True)
class Caller:
    """Whom AWS takes us for; ``ahead`` is how far this machine's clock is ahead of AWS's."""

    number: str
    arn: str
    ahead: timedelta


@dataclass(frozen=True)
class Account:
    """Where resources are created, and as whom.

    Parameters
    ----------
    region
        Such as ``us-east-1``.
    role
        ARN of the role that jobs and endpoints run as. The sweep needs none.
    bucket
        The bucket for source code and models, which must exist. The sweep can do without.
    schedule_role
        ARN of the role that deletion schedules run as; if None, ``role``.
    owner
        Whom to ask about what is found in the account: goes into a tag.
    """

    region: str
    role: str | None = None
    bucket: str | None = None
    schedule_role: str | None = None
    owner: str = "llm-claims"
    _clients: dict[tuple[str, float, int], Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Account:
        """Read region (as boto3 does), roles and bucket (``LLM_CLAIMS_ROLE``, …, ``LLM_CLAIMS_BUCKET``).

        Raises
        ------
        SetUpError
            No region is set anywhere, or boto3 is not installed.
        """
        given = os.environ if environment is None else environment
        region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or configured_region()
        if not region:
            raise SetUpError("no AWS region: set AWS_REGION, or region in the profile of your AWS configuration")
        return cls(
            region=region,
            role=given.get(ROLE_VARIABLE) or None,
            bucket=given.get(BUCKET_VARIABLE) or None,
            schedule_role=given.get(SCHEDULE_ROLE_VARIABLE) or None,
            owner=given.get("GITHUB_REPOSITORY") or "llm-claims",
        )

    @cached_property
    def session(self) -> Any:
        """The boto3 session of all clients, the SDK's too: retries few times, and gives up in time."""
        boto3 = _boto3()
        from botocore.config import Config

        session = _patient_session()
        session.set_default_client_config(Config(**_TIMEOUTS))
        return boto3.Session(botocore_session=session, region_name=self.region)

    def client(self, service: str, *, read_timeout: float = _TIMEOUTS["read_timeout"], attempts: int = ATTEMPTS) -> Any:
        """Return the client of one service; threads may share it.

        Parameters
        ----------
        service
            boto3's name of it.
        read_timeout
            Seconds to wait for an answer.
        attempts
            How often one call is tried; 1 where the time of a call is measured.
        """
        from botocore.config import Config

        key = (service, read_timeout, attempts)
        with self._lock:
            if key not in self._clients:
                config: dict[str, Any] = {"read_timeout": read_timeout}
                if attempts != ATTEMPTS:
                    config["retries"] = {"mode": "standard", "total_max_attempts": attempts}
                self._clients[key] = self.session.client(service, config=Config(**config))
            return self._clients[key]

    @cached_property
    def caller(self) -> Caller:
        """Who calls, by the credentials of this process, and how far its clock is off.

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            AWS refuses the credentials, or cannot be reached.
        """
        answer = self.client("sts").get_caller_identity()
        ahead = _ahead(datetime.now(UTC), answer["ResponseMetadata"]["HTTPHeaders"].get("date"))
        return Caller(str(answer["Account"]), str(answer["Arn"]), ahead)

    @property
    def partition(self) -> str:
        """``aws``, or that of another part of the world."""
        return str(self.session.get_partition_for_region(self.region))

    @property
    def scrub(self) -> Scrubber:
        """Takes this account's names out of texts. Asks AWS for nothing: it must work when nothing else does."""
        known = {
            self.bucket or "": "<bucket>",
            self.__dict__["caller"].number if "caller" in self.__dict__ else "": "<account>",
        }
        for arn in (self.role, self.schedule_role):
            if arn and arn.count(":") >= 5:
                known |= {arn: "<arn>", arn.split(":")[4]: "<account>"}
        return Scrubber(known)


def configured_region() -> str | None:
    """Return the region of the AWS configuration, if it has one."""
    _boto3()
    import botocore.session

    region = botocore.session.Session().get_config_variable("region")
    return str(region) if region else None


def _ahead(now: datetime, sent: str | None) -> timedelta:
    """How far ``now`` is ahead of an answer's Date header; one that is not there or not sound tells nothing."""
    # A server on the way may have added a date of its own; AWS's then comes last.
    dates = re.findall(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT", sent or "")
    return now - parsedate_to_datetime(dates[-1]) if dates else timedelta(0)


def _boto3() -> Any:
    try:
        import boto3
    except ImportError:
        raise SetUpError("boto3 is not installed: pip install 'llm-claims[sagemaker]'") from None
    return boto3


def _patient_session() -> Any:
    import botocore.session

    class Session(botocore.session.Session):  # type: ignore[misc]
        """Retries as this project does, unless the user's configuration says otherwise.

        The SDK makes clients of its own and tries ten times, unless the configuration has a word on it.
        """

        def get_scoped_config(self) -> Any:
            return {"retry_mode": "standard", "max_attempts": str(ATTEMPTS), **super().get_scoped_config()}

    return Session()

"""The AWS account a run works in: its region, its role, its bucket, and clients for its services."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Account:
    """Where resources are created, and as whom.

    Parameters
    ----------
    region
        Such as ``us-east-1``.
    role
        ARN of the role that jobs, endpoints and deletion schedules run as. The sweep needs none.
    bucket
        The bucket for source code and models, which must exist. The sweep can do without.
    owner
        Whom to ask about what is found in the account: goes into a tag.
    """

    region: str
    role: str | None = None
    bucket: str | None = None
    owner: str = "llm-claims"
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Account:
        """Read region (as boto3 does), role and bucket (``LLM_CLAIMS_ROLE``, ``LLM_CLAIMS_BUCKET``).

        Raises
        ------
        SetUpError
            No region is set anywhere.
        """
        raise NotImplementedError

    def client(self, service: str) -> Any:
        """Return the client of one service; one a process and service."""
        raise NotImplementedError

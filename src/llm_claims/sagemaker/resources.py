"""What all types of AWS resource have in common, so that a sweep can list, inspect and remove each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.journal import ResourceType
from llm_claims.sagemaker.names import RunId

State = Literal["there", "ending", "gone"]


@dataclass(frozen=True)
class Found:
    """A resource as AWS lists it: its name, the run that created it, None if none of ours did, and when (UTC)."""

    name: str
    run: RunId | None
    created: datetime


class Resources(ABC):
    """The resources of one type in an account, addressed by name. All methods raise what boto3 raises."""

    type: ClassVar[ResourceType]

    def __init__(self, account: Account) -> None:
        self._account = account

    @abstractmethod
    def listed(self, run: RunId | None) -> Iterable[Found]:
        """List by name the resources of one run, or of any run, that are not gone. Others may be among them."""

    def tagged(self, run: RunId | None) -> Iterable[Found]:
        """List the resources that carry the tag of one run, or of any run, that are not gone.

        Empty for the types that AWS cannot search by tag.
        """
        return ()

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether a resource of this name exists."""

    def state(self, name: str) -> State:
        """Whether a resource is there, is being stopped or deleted, or is gone: it neither exists nor costs."""
        return "there" if self.exists(name) else "gone"

    @abstractmethod
    def remove(self, name: str) -> None:
        """Stop or delete a resource, if it exists. AWS may need minutes to finish."""

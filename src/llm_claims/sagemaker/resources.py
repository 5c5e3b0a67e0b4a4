"""What all types of AWS resource have in common, so that a sweep can list, inspect and remove each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Literal

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.journal import ResourceType
from llm_claims.sagemaker.names import RunId

State = Literal["there", "ending", "gone"]


class Resources(ABC):
    """The resources of one type in an account, addressed by name. All methods raise what boto3 raises."""

    type: ClassVar[ResourceType]

    def __init__(self, account: Account) -> None:
        self._account = account

    @abstractmethod
    def names(self, run: RunId | None) -> Iterable[str]:
        """List the resources of one run, or of any run, that are not gone. Other names may be among them."""

    def tagged(self, run: RunId | None) -> Iterable[tuple[str, str]]:
        """List name and run tag of the resources that carry the tag of one run, or of any run.

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


def run_of(resource_type: ResourceType, name: str) -> RunId | None:
    """Return the run that created a resource, read from the resource's name; None if no run of ours did."""
    return RunId.of_s3_prefix(name) if resource_type == "upload" else RunId.of_name(name)

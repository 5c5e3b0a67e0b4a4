"""What every kind of resource can be asked, so that a sweep treats all alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.names import RunId

State = Literal["there", "ending", "gone"]


class Kind(Protocol):
    """One kind of resource, found by name and removed by name. Calls raise what boto3 raises."""

    kind: ResourceKind

    def names(self, run: RunId | None) -> Iterable[str]:
        """The names of those that are not gone: of one run, or of any; perhaps some of others, too."""

    def tagged(self, run: RunId | None) -> Iterable[tuple[str, str]]:
        """The name and the tag (run id) of those that carry the tag of one run, or of any."""

    def state(self, name: str) -> State:
        """Whether one is there, on its way out, or gone."""

    def remove(self, name: str) -> None:
        """Stop or delete one; it may be gone already."""


def run_of(kind: ResourceKind, name: str) -> RunId | None:
    """Return the run that a resource belongs to by its name, if it is one of ours."""
    return RunId.of_s3_prefix(name) if kind == "upload" else RunId.of_name(name)

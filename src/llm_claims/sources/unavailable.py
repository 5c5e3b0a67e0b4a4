"""A source that cannot measure anything here, and says why."""

from __future__ import annotations

from typing import NoReturn

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.sources.base import Placed, SourceKind
from llm_claims.workloads.base import Workload


class UnavailableSource:
    """Every case of this source is untestable for one reason."""

    documented = False
    always_here = False

    def __init__(self, kind: SourceKind, reason: str) -> None:
        self.name: str = kind
        self.kind: SourceKind = kind
        self.measures_as: SourceKind = kind
        self.reason = reason

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> NoReturn:
        """Refuse."""
        raise Untestable(self.reason)

    def evidence(self, placed: Placed) -> NoReturn:
        """Refuse."""
        raise Untestable(self.reason)

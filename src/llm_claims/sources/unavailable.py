"""A source that cannot measure anything here, and says why."""

from __future__ import annotations

from typing import NoReturn

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads.base import Workload


class UnavailableSource(Source):
    """Every case of this source is untestable for one reason."""

    live = True
    always_here = False

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.markers = (name, "live")
        self.reason = reason

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> NoReturn:
        """Refuse."""
        raise Untestable(self.reason)

    def evidence(self, placed: Placed) -> NoReturn:
        """Refuse."""
        raise Untestable(self.reason)

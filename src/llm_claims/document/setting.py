"""The setting of a case: what the document held constant while it measured.

A workload states what a claim is about. A setting states the rest of the document's
configuration, and where it ran. Only a source at the document's own scale can tell
settings apart; any other source measures in its own reference configuration, once,
under the first (primary) setting of the claim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from llm_claims.workloads.base import Precision, ServingEngine


@dataclass(frozen=True)
class Setting:
    """Fields that are ``None`` are not held by this setting."""

    id: str
    instance: str | None = None
    model: str | None = None
    precision: Precision | None = None
    engine: ServingEngine | None = None
    tensor_parallel_degree: int | None = None
    zero_stage: int | None = None
    input_tokens: int | None = None
    new_tokens: int | None = None
    primary: str | None = None

    def fields(self) -> dict[str, Any]:
        """The workload fields that this setting holds."""
        place = {"id", "instance", "primary"}
        return {name: value for name, value in vars(self).items() if name not in place and value is not None}

    @property
    def is_primary(self) -> bool:
        """Whether this is the setting under which a source of another scale measures."""
        return self.primary in (None, self.id)


def settings(*held: Setting) -> pytest.MarkDecorator:
    """Parametrize a claim's test over the document's settings; the first is the primary one."""
    marked = [replace(setting, primary=held[0].id) for setting in held]
    return pytest.mark.parametrize("setting", marked, ids=[setting.id for setting in marked])

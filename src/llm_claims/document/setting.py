"""The setting of a case: what the document held constant while it measured.

A workload states what a claim is about. A setting states the rest of the document's configuration, and where it
ran. Only a source at the document's own scale can tell settings apart; any other source measures in its own
defaults, once, under the first (primary) setting of the claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_claims.document.instances import bare


@dataclass(frozen=True, init=False)
class Setting:
    """``id`` names the case, ``instance`` the instance type; the rest are fields, held by workloads that have them.

    >>> Setting("g5-fp16", instance="g5.2xlarge", precision="fp16")  # doctest: +SKIP
    """

    id: str
    instance: str | None
    held: tuple[tuple[str, Any], ...]
    primary: str | None

    def __init__(self, id: str, instance: str | None = None, *, primary: str | None = None, **held: Any) -> None:
        values = {"id": id, "instance": instance and bare(instance), "held": tuple(held.items()), "primary": primary}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def fields(self) -> dict[str, Any]:
        """The workload fields that this setting holds."""
        return {name: value for name, value in self.held if value is not None}

    @property
    def is_primary(self) -> bool:
        """Whether this is the setting under which a source of another scale measures."""
        return self.primary in (None, self.id)

    def under(self, primary: str) -> Setting:
        """Return this setting as one of several, of which ``primary`` is the primary one."""
        return Setting(self.id, self.instance, primary=primary, **self.fields())

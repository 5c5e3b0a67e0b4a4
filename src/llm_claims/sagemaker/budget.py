"""The budget of a run, shared by its processes: costs are reserved before a launch, and settled after it."""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock

from llm_claims.document.files import write_atomically
from llm_claims.errors import UsageError


class BudgetExceeded(Exception):
    """A launch would cost more than is left of the budget."""


class Budget:
    """A file with the cost of each launch, in USD; ``limit_usd`` is ``None`` if there is no limit.

    Entries are only added: a launch that was reserved twice has been paid for twice.
    """

    def __init__(self, path: Path, limit_usd: float | None) -> None:
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"))
        self.limit_usd = limit_usd

    def reserve(self, key: str, usd: float) -> str:
        """Reserve the estimated cost of the launch ``key``; return the name of the new entry, for `settle`.

        Raises
        ------
        BudgetExceeded
            It is more than the limit less all that is spent and reserved.
        """
        with self._lock:
            entries = self._read()
            left = None if self.limit_usd is None else self.limit_usd - sum(entries.values())
            if left is not None and usd > left:
                raise BudgetExceeded(
                    f"the budget of ${self.limit_usd:.2f} is spent: ${max(left, 0):.2f} are left, this needs ${usd:.2f}"
                )
            name = f"{key}.{len(entries)}"
            self._write({**entries, name: usd})
            return name

    def settle(self, name: str, usd: float) -> None:
        """Replace the estimated cost in an entry by the real cost."""
        with self._lock:
            self._write({**self._read(), name: usd})

    @property
    def spent_usd(self) -> float:
        """All that is spent and reserved so far, in USD."""
        with self._lock:
            return sum(self._read().values())

    def _read(self) -> dict[str, float]:
        if not self._path.exists():
            return {}
        entries: dict[str, float] = json.loads(self._path.read_text(encoding="utf-8"))
        return entries

    def _write(self, entries: dict[str, float]) -> None:
        write_atomically(self._path, json.dumps(entries))


def check_budget(planned_usd: float, limit_usd: float | None) -> None:
    """Check that a plan fits a budget.

    Raises
    ------
    UsageError
        It costs more.
    """
    if limit_usd is not None and planned_usd > limit_usd:
        raise UsageError(
            f"this plan is estimated at ${planned_usd:.2f}, and the budget is ${limit_usd:.2f}: nothing was launched. "
            "Select less with --claim, -k or --instance, or allow more with --budget; --plan shows each launch"
        )

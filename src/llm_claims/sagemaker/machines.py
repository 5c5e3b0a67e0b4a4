"""How many machines all processes of a run use at one time: no more than the account's quotas allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from llm_claims.document.files import write_atomically


class Machines:
    """A folder with the quotas, and a lock for each machine that is in use.

    Without quotas, which the controller of a run writes once it has checked the account, nothing is limited.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._quotas = folder / "quotas.json"

    def write_quotas(self, quotas: Mapping[str, int]) -> None:
        """Write the quotas: their name → the number of machines."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._quotas, json.dumps(dict(quotas)))

    @contextmanager
    def held(self, quota: str, count: int) -> Iterator[bool]:
        """Hold ``count`` machines of a quota; yield false at once if so many are not free now."""
        with ExitStack() as locks:
            yield self._hold(quota, count, locks)

    def _hold(self, quota: str, count: int, locks: ExitStack) -> bool:
        limit = self._read().get(quota)
        if limit is None:
            return True
        stem = quota.replace(" ", "-")
        mine: list[FileLock] = []
        # One process at a time: two that need several machines must not wait for each other's.
        with FileLock(self._folder / f"{stem}.lock"):
            for number in range(max(limit, count)):
                lock = FileLock(self._folder / f"{stem}.{number}.lock")
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                mine.append(lock)
                if len(mine) == count:
                    for one in mine:
                        locks.callback(one.release)
                    return True
        for one in mine:
            one.release()
        return False

    def _read(self) -> dict[str, int]:
        if not self._quotas.exists():
            return {}
        quotas: dict[str, int] = json.loads(self._quotas.read_text(encoding="utf-8"))
        return quotas

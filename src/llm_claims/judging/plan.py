"""The plan: which workloads the selected live tests need, known before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm_claims.sources.base import Placed


class Plan:
    """Placed workloads that are measured in timed passes, joined where one relation compares them; and ``others``.

    Workloads that are compared, directly or through others, are companions: they are measured in the same
    interleaved rounds, so each is measured once however many relations read it. The others need no companions: their
    rounds pair up by seed.
    """

    def __init__(self, compared: Iterable[Sequence[Placed]] = (), others: Iterable[Placed] = ()) -> None:
        self._groups: dict[Placed, list[Placed]] = {}
        self._others = frozenset(others)
        for placed in compared:
            self.add(placed)

    def add(self, placed: Sequence[Placed]) -> None:
        """Join the workloads that one relation compares in timed passes."""
        joined: dict[Placed, None] = {}
        for one in placed:
            joined.update(dict.fromkeys(self._groups.get(one, [one])))
        group = list(joined)
        for one in group:
            self._groups[one] = group

    @property
    def placed(self) -> frozenset[Placed]:
        """Every workload of the plan, timed or not."""
        return self._others.union(self._groups)

    def is_timed(self, one: Placed) -> bool:
        """Whether this workload is measured in timed passes."""
        return one in self._groups

    def companions(self, placed: Sequence[Placed]) -> list[Placed]:
        """Return every workload that is measured in the same rounds as ``placed``, those included."""
        found: dict[Placed, None] = {}
        for one in placed:
            found.update(dict.fromkeys(self._groups.get(one, [one])))
        return list(found)

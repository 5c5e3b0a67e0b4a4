"""Rehearsal: running the bodies of claims' tests without measuring, to learn what they compare.

A claim's test only states workloads and a relation, so its body can be run at no cost. The plan
it yields lets a live source measure all companions in the same rounds, whatever test asks first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from llm_claims.claims import claim_of
from llm_claims.measurement import Measurement, measured
from llm_claims.metrics import TIMED
from llm_claims.plan import Plan
from llm_claims.relations import Relation
from llm_claims.setting import Setting
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads import Workload

SOURCE_PARAMETER = "claim_source"


class _Rehearsed(Exception):
    """The body has shown its relation; what follows it does not matter."""


def rehearsed_plan(items: Iterable[pytest.Item], source: Source, refused: frozenset[str]) -> Plan:
    """Return the plan of the selected cases of ``source`` that read times; claims in ``refused`` are left out."""
    plan = Plan()
    for item in items:
        if isinstance(item, pytest.Function) and _concerns(item, source, refused):
            for placed in _rehearse(item, source):
                plan.add(placed)
    return plan


def _concerns(item: pytest.Function, source: Source, refused: frozenset[str]) -> bool:
    id = claim_of(item)
    if id is None or id in refused:
        return False
    return bool(item.callspec.params.get(SOURCE_PARAMETER) == source.name)


def _rehearse(item: pytest.Function, source: Source) -> list[Sequence[Placed]]:
    seen: list[Sequence[Placed]] = []

    def measure(workload: Workload, setting: Setting | None = None, *, on: str | None = None) -> Measurement:
        return measured(source, workload, setting, on)

    def judge(relation: Relation, **_: Any) -> None:
        compared = [m for m in relation.measurements if isinstance(m, Measurement)]
        if any(m.named & TIMED for m in compared):
            seen.append([m.placed for m in compared])
        raise _Rehearsed

    arguments: dict[str, Any] = {"measure": measure, "judge": judge}
    arguments.update({name: value for name, value in item.callspec.params.items() if name != SOURCE_PARAMETER})
    names = item._fixtureinfo.argnames
    if set(names) <= set(arguments):
        # Whatever a body raises here, it raises again in the trial itself, where it is reported.
        with contextlib.suppress(Exception):
            item.obj(**{name: arguments[name] for name in names})
    return seen

"""Rehearsal: run the bodies of claims' tests without measuring, to learn what they compare.

A claim's test only states workloads and a relation, so its body can be run at no cost. From what it states follows
the plan by which a live source measures all that is compared in the same rounds, whichever test comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

import pytest

from llm_claims.document.instances import bare
from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.judging.marks import claim_of
from llm_claims.judging.measurement import Measurement, check_timed, metrics_read
from llm_claims.judging.plan import Plan
from llm_claims.relations import Relation
from llm_claims.sources.base import Need, Source
from llm_claims.workloads.base import Workload

SOURCE_PARAMETER = "claim_source"


class _Rehearsed(Exception):
    """Raised by ``judge``: the relation is known, and the rest of the body does not matter."""


def rehearsed_needs(
    items: Iterable[pytest.Item], source: Source, refused: frozenset[str], fixtures: Callable[[], Mapping[str, Any]]
) -> list[Need]:
    """Return what each selected case of ``source`` will ask for; claims in ``refused`` are left out.

    ``fixtures`` makes the values of other fixtures that a claim's test may take, if one takes any.
    """
    return [
        _rehearse(item, source, fixtures)
        for item in items
        if isinstance(item, pytest.Function) and _concerns(item, source, refused)
    ]


def plan_of(needs: Sequence[Need]) -> Plan:
    """Return the plan of the cases: the workloads whose times are read, those compared with them, and all others.

    What varies is paired by round. So whatever shares a workload with a timed comparison, directly or through others,
    joins it, even where no time is read: a pass has a number of its own, which no seed drawn apart from it has.
    """
    timed = [need.placed for need in needs if need.timed]
    joined = Plan((*timed, *(need.placed for need in needs if need.varies)))
    plan = Plan(others=(one for need in needs for one in need.placed))
    for placed in timed:
        if placed and not plan.is_timed(placed[0]):
            plan.add(joined.companions(placed[:1]))
    return plan


def _concerns(item: pytest.Function, source: Source, refused: frozenset[str]) -> bool:
    id = claim_of(item)
    if id is None or id in refused:
        return False
    return bool(item.callspec.params.get(SOURCE_PARAMETER) == source.name)


def _rehearse(item: pytest.Function, source: Source, fixtures: Callable[[], Mapping[str, Any]]) -> Need:
    claim = claim_of(item)
    assert claim is not None, "a case of a claim"
    seen: list[Need] = []

    def measure(workload: Workload, setting: Setting | None = None, *, on: str | None = None) -> Measurement:
        return Measurement(source, source.place(workload, setting, on and bare(on)))

    def judge(relation: Relation, **_: Any) -> None:
        check_timed(relation)
        compared = [m for m in relation.measurements if isinstance(m, Measurement)]
        placed = tuple(dict.fromkeys(m.placed for m in compared))
        read = metrics_read(relation)
        timed, varies = any(one.timed for one in read), any(one.varies for one in read)
        seen.append(Need(item.nodeid, claim, placed, timed=timed, varies=varies))
        raise _Rehearsed

    arguments: dict[str, Any] = {"measure": measure, "judge": judge}
    arguments |= {name: value for name, value in item.callspec.params.items() if name != SOURCE_PARAMETER}
    names = list(signature(item.obj).parameters)
    if not set(names) <= set(arguments):
        arguments |= fixtures()
    if not set(names) <= set(arguments):
        return Need(item.nodeid, claim, ())
    try:
        item.obj(**{name: arguments[name] for name in names})
    except _Rehearsed:
        return seen[0]
    except Untestable as reason:
        return Need(item.nodeid, claim, (), reason=str(reason))
    except Exception:
        # Whatever else a body raises here, it raises again in the trial itself, where it is reported.
        return Need(item.nodeid, claim, ())
    return seen[0] if seen else Need(item.nodeid, claim, ())

"""What runs cost by instance type, at the prices of the instance table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llm_claims.document.instances import InstanceTable
from llm_claims.evidence.evidence import Evidence
from llm_claims.report.scaling import ScalingTable, told_apart
from llm_claims.workloads.base import Workload
from llm_claims.workloads.registry import kinds
from llm_claims.workloads.shown import Priced

HOUR = 3600.0


def cost_tables(source: str, evidence: Iterable[Evidence], instances: InstanceTable) -> Iterator[ScalingTable]:
    """Yield a table for each kind that has a price: dollars for 1,000, with instance types as columns.

    A run's cost is its median time, times the price of its instances for an hour, over what it made in that time.
    """
    entries = [one for one in evidence if one.instance_type in instances.instances]
    for kind in kinds():
        if kind.priced is not None:
            yield from _table(source, kind, kind.priced, entries, instances)


def _table(
    source: str, kind: type[Workload], priced: Priced, entries: Iterable[Evidence], instances: InstanceTable
) -> Iterator[ScalingTable]:
    by_row: dict[Workload, dict[str, str]] = {}
    for entry in entries:
        if isinstance(entry.workload, kind) and priced.seconds in entry.metrics and entry.instance_type:
            hourly = instances[entry.instance_type].usd_per_hour * entry.provenance.instance_count
            dollars = entry.median(priced.seconds) * hourly / HOUR / getattr(entry.workload, priced.field) * 1000
            by_row.setdefault(entry.workload, {})[entry.instance_type] = f"${dollars:.3g}"
    if by_row:
        columns = tuple(type for type in instances.instances if any(type in cells for cells in by_row.values()))
        names = told_apart({row: (priced.row(row), row.stated()) for row in by_row})
        rows = sorted((names[row], tuple(cells.get(type, "") for type in columns)) for row, cells in by_row.items())
        title = f"cost of 1,000 {priced.noun}, {source}, at the prices of {instances.dated}"
        yield ScalingTable(title, columns, tuple(rows))

"""How near speeds come to what the device itself can do, measured in the same run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llm_claims.evidence.evidence import Evidence
from llm_claims.workloads.registry import kinds


def ceiling_lines(source: str, evidence: Iterable[Evidence]) -> Iterator[str]:
    """Yield a line for each kind of ceiling: the workload of ``source`` that comes nearest, by its median round."""
    entries = list(evidence)
    for ceiling in (ceiling for kind in kinds() for ceiling in kind.ceilings):
        having = [entry for entry in entries if {ceiling.share, ceiling.of} <= entry.metrics.keys()]
        if having:
            best = max(having, key=lambda entry: entry.median(ceiling.share))
            yield (
                f"ceiling: {source}: {ceiling.words} {best.median(ceiling.share):.0%} of "
                f"{best.median(ceiling.of) / ceiling.scale:.3g} {ceiling.unit} a GPU with {best.workload.describe()}"
            )

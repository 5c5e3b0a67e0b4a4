"""How near speeds come to what the device itself can do, measured in the same run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from llm_claims.evidence.evidence import Evidence

_SHARES = {
    "bandwidth_bound_share": ("serving reaches", "copy_bandwidth_bytes_per_second", 1e12, "TB/s copied"),
    "model_flops_utilisation": ("training reaches", "matrix_flops_per_second", 1e12, "Tflop/s of matrix products"),
}
"""Share of a ceiling: how a line begins, the metric of the ceiling itself, the unit that people read."""


def ceiling_lines(source: str, evidence: Iterable[Evidence]) -> Iterator[str]:
    """Yield a line for each kind of ceiling: the workload of ``source`` that comes nearest, by its median round."""
    entries = list(evidence)
    for share, (words, ceiling, scale, unit) in _SHARES.items():
        having = [entry for entry in entries if share in entry.metrics and ceiling in entry.metrics]
        if having:
            best = max(having, key=lambda entry: _median(entry, share))
            top = _median(best, ceiling) / scale
            yield (
                f"ceiling: {source}: {words} {_median(best, share):.0%} of {top:.3g} {unit} a GPU"
                f" with {best.workload.describe()}"
            )


def _median(entry: Evidence, metric: str) -> float:
    return median(entry.metrics[metric].samples)

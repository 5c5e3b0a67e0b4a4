"""How near speeds come to the device's own: the nearest workload of a source, by its median round."""

from __future__ import annotations

from datetime import date

from llm_claims.workloads.metrics import METRICS

from llm_claims.evidence.evidence import Evidence, Metric, Provenance
from llm_claims.report.ceilings import ceiling_lines
from llm_claims.workloads.training.workload import Training


def entry(model: str, *shares: float, rate: float = 700e12) -> Evidence:
    workload = Training(model=model)
    samples = {"model_flops_utilisation": shares, "matrix_flops_per_second": (rate,) * len(shares)}
    return Evidence.model_construct(
        workload=workload,
        metrics={
            name: Metric(unit=METRICS[name], spread="sampled", samples=values) for name, values in samples.items()
        },
        rounds=tuple(range(1, len(shares) + 1)),
        provenance=Provenance(kind="measured", hardware="none", date=date(2026, 11, 23)),
    )


def test_the_nearest_by_its_median_is_told() -> None:
    (line,) = ceiling_lines("here", [entry("a", 0.1, 0.9, 0.11), entry("b", 0.2, 0.21, 0.22)])
    assert line == "ceiling: here: training reaches 21% of 700 Tflop/s of matrix products a GPU with Training(model=b)"


def test_evidence_without_a_ceiling_says_nothing() -> None:
    bare = entry("a", 0.1).model_copy(update={"metrics": {}})
    assert list(ceiling_lines("here", [bare])) == []

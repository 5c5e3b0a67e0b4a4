"""How near speeds come to the device's own: the nearest workload of a source, by its median round."""

from __future__ import annotations

from builders import measured, sampled_metric

from llm_claims.evidence.evidence import Evidence
from llm_claims.report.ceilings import ceiling_lines
from llm_claims.workloads.training.workload import Training


def entry(model: str, *shares: float) -> Evidence:
    return measured(
        Training(model=model),
        model_flops_utilisation=sampled_metric("model_flops_utilisation", *shares),
        matrix_flops_per_second=sampled_metric("matrix_flops_per_second", *[700e12] * 3),
    )


def test_the_nearest_by_its_median_is_told() -> None:
    (line,) = ceiling_lines("here", [entry("a", 0.1, 0.9, 0.11), entry("b", 0.2, 0.21, 0.22)])
    assert line == "ceiling: here: training reaches 21% of 700 Tflop/s of matrix products a GPU with Training(model=b)"


def test_evidence_without_a_ceiling_says_nothing() -> None:
    assert list(ceiling_lines("here", [measured(Training())])) == []

"""A benchmark of Python code; it is imported, and never measured live."""

from __future__ import annotations

from typing import ClassVar

from llm_claims.workloads.base import Workload
from llm_claims.workloads.benchmark.results import BenchmarkResults
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.witness import Witness


class BenchmarkWitness(Witness):
    """What was observed of a benchmark: its name."""

    name: str | None = None


class Benchmark(Workload):
    """One test of pytest-benchmark; ``name`` is its id, with its parameters."""

    Witness = BenchmarkWitness
    must_state = ("name",)
    metrics: ClassVar = {
        "median_seconds": Metric(unit="s", nature="timed"),
        "mean_seconds": Metric(unit="s", nature="timed"),
        "least_seconds": Metric(unit="s", nature="timed"),
    }
    formats = (BenchmarkResults(),)

    name: str | None = None

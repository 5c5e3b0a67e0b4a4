"""Benchmark: one function that another program has timed, with its metrics."""

from __future__ import annotations

from typing import ClassVar

from llm_claims.workloads.base import Workload
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.witness import Witness


class BenchmarkWitness(Witness):
    """What was observed of a benchmark."""

    test: str | None = None


class Benchmark(Workload):
    """A function that pytest-benchmark has timed, named like its test; statistics are those of all its rounds.

    ``variant`` tells runs of one test apart, such as "before" and "after".
    """

    Witness = BenchmarkWitness
    unwitnessed = frozenset({"variant"})
    must_state = ("test",)
    metrics: ClassVar = {
        **{f"{which}_seconds": Metric(unit="s", nature="timed") for which in ("min", "max", "mean", "median")},
        "rounds": Metric(unit="rounds"),
    }

    test: str | None = None
    variant: str | None = None

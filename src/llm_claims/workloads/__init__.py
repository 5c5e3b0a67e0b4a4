"""What is run: the base of every kind of workload, the registry, and the kinds that come with this package."""

from __future__ import annotations


def built_in() -> list[type]:
    """The kinds that come with this package; they are registered in the same way as a user's own."""
    from llm_claims.workloads.benchmark.workload import Benchmark
    from llm_claims.workloads.generation.workload import Generation
    from llm_claims.workloads.loading.workload import Loading
    from llm_claims.workloads.training.workload import Training

    return [Training, Generation, Loading, Benchmark]

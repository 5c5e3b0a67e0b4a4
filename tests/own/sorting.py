"""A kind of workload of one's own: sorting one array of random integers."""

import heapq
import random
import sys
from time import perf_counter
from typing import Literal

from pydantic import PositiveInt

from llm_claims import Answer, Metric, Witness, Workload, serve


class Sorting(Workload):
    """Sorting one array of random integers."""

    elements: PositiveInt | None = None
    algorithm: Literal["timsort", "heapsort"] | None = None

    class Witness(Witness):
        elements: int
        algorithm: str

    metrics = {"elements_per_second": Metric(unit="elements/s", nature="timed")}
    defaults = {"cpu": {"elements": 100_000, "algorithm": "timsort"}}
    program = (sys.executable, "-m", "sorting")


def run(workload: Sorting, seed: int) -> Answer:
    source = random.Random(seed)
    values = [source.random() for _ in range(workload.elements)]
    start = perf_counter()
    if workload.algorithm == "timsort":
        ordered = sorted(values)
    else:
        heapq.heapify(values)
        ordered = [heapq.heappop(values) for _ in range(len(values))]
    seconds = perf_counter() - start
    seen = Sorting.Witness(elements=len(ordered), algorithm=workload.algorithm)
    return Answer(metrics={"elements_per_second": len(ordered) / seconds}, witness=seen)


if __name__ == "__main__":
    serve(run)

"""A source of one's own: figures that somebody took with a stopwatch."""

from datetime import date

from sorting import Sorting

from llm_claims import Evidence, Placed, Provenance, Samples, Source, Untestable

ELEMENTS_PER_SECOND = {"timsort": 910_000.0, "heapsort": 150_000.0}


class Stopwatch(Source):
    name = "stopwatch"
    markers = ("stopwatch",)

    def place(self, workload, setting, on):
        if not isinstance(workload, Sorting):
            raise Untestable("the stopwatch was only held beside sorting")
        return Placed(workload.filled({"elements": 1_000_000}))

    def evidence(self, placed):
        rate = ELEMENTS_PER_SECOND[placed.workload.algorithm]
        return Evidence(
            workload=placed.workload,
            metrics={
                "elements_per_second": Samples(unit="elements/s", spread="printed", samples=(rate,), resolution=10_000)
            },
            provenance=Provenance(kind="reported", hardware="a laptop", date=date(2026, 11, 20)),
        )

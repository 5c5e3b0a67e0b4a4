"""A measurement: one workload on one source, read lazily."""

from __future__ import annotations

from collections.abc import Callable

from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.relations import Relation
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads.base import Workload
from llm_claims.workloads.metric import Metric


class Measurement:
    """What a test's ``measure`` returns: its metrics are attributes, each a lazy `Quantity`.

    ``note`` is called with the name of each figure that evidence is read for: a metric, or "outcome".

    >>> measure(Generation(new_tokens=64)).latency_seconds  # doctest: +SKIP
    """

    def __init__(self, source: Source, placed: Placed, note: Callable[[str], None] = lambda _: None) -> None:
        self.source = source
        self.placed = placed
        self._note = note

    @property
    def workload(self) -> Workload:
        """The workload with its open fields filled by the source."""
        return self.placed.workload

    @property
    def evidence(self) -> Evidence:
        """The evidence gathered so far."""
        evidence = self.source.evidence(self.placed)
        self._note("outcome")
        return evidence

    def __getattr__(self, metric: str) -> Quantity:
        """Return a metric as a quantity.

        Raises
        ------
        AttributeError
            The kind of workload has no such metric.
        """
        # A name that is misspelt is the test's own fault: pytest shows its line, and none of ours.
        __tracebackhide__ = True
        if "placed" not in vars(self):  # a copy that is being made
            raise AttributeError(metric)
        try:
            self.workload.metric(metric)
        except ValueError as error:
            raise AttributeError(str(error)) from None
        return Quantity(lambda: self._series(metric), reads=[(self, metric)])

    def stated(self, metric: str, *, otherwise: Quantity) -> Quantity:
        """Return a metric that the evidence states outright, or else what can be computed for it.

        A document may state a factor and show no runs behind it; a live source measures the runs.
        """

        def read() -> Series:
            return self._series(metric) if metric in self.evidence.metrics else otherwise.series()

        return Quantity(read, otherwise, reads=[(self, metric)])

    def _series(self, metric: str) -> Series:
        evidence = self.evidence
        for figure in evidence.figures(metric):
            self._note(figure)
        return evidence.series(metric)


def check_timed(relation: Relation) -> None:
    """Check that each time that a relation reads means something where it is measured.

    Raises
    ------
    Untestable
        One does not; the text says why.
    """
    for m, name in relation.reads:
        if isinstance(m, Measurement) and m.workload.metric(name).timed:
            m.source.check_timed(m.placed)


def metrics_read(relation: Relation) -> list[Metric]:
    """What the metrics are that a relation reads, and so whether it is timed and whether another round is of use."""
    return [m.workload.metric(name) for m, name in relation.reads if isinstance(m, Measurement)]

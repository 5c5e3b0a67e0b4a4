"""A measurement: one workload on one source, read lazily."""

from __future__ import annotations

from llm_claims.document.setting import Setting
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.series import Series
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads.base import Workload


class Measurement:
    """What a test's ``measure`` returns: its metrics are attributes, each a lazy `Quantity`.

    ``named`` are the metrics that were asked for, ``figures_read`` those that evidence was read for.

    >>> measure(Generation(new_tokens=64)).latency_seconds  # doctest: +SKIP
    """

    def __init__(self, source: Source, placed: Placed) -> None:
        self.source = source
        self.placed = placed
        self.figures_read: set[str] = set()
        self.named: set[str] = set()

    @property
    def workload(self) -> Workload:
        """The workload with its open fields filled by the source."""
        return self.placed.workload

    @property
    def timed(self) -> bool:
        """Whether a metric was asked for that anything else on the machine disturbs."""
        return any(self.workload.metric(name).timed for name in self.named)

    @property
    def varies(self) -> bool:
        """Whether a metric was asked for of which another round says something new."""
        return any(self.workload.metric(name).varies for name in self.named)

    @property
    def evidence(self) -> Evidence:
        """The evidence gathered so far; reading it counts its outcome as read."""
        evidence = self.source.evidence(self.placed)
        self.figures_read.add("outcome")
        return evidence

    def __getattr__(self, metric: str) -> Quantity:
        """Return a metric as a quantity.

        Raises
        ------
        AttributeError
            The kind of workload has no such metric.
        """
        if "placed" not in vars(self):  # a copy that is being made
            raise AttributeError(metric)
        try:
            self.workload.metric(metric)
        except ValueError as error:
            raise AttributeError(str(error)) from None
        self.named.add(metric)
        return Quantity(lambda: self._series(metric), self)

    def stated(self, metric: str, *, otherwise: Quantity) -> Quantity:
        """Return a metric that the evidence states outright, or else what can be computed for it.

        A document may state a factor and show no runs behind it; a live source measures the runs.
        """

        def read() -> Series:
            return self._series(metric) if metric in self.evidence.metrics else otherwise.series()

        return Quantity(read, *dict.fromkeys((self, *otherwise.measurements)))

    def _series(self, metric: str) -> Series:
        evidence = self.evidence
        self.figures_read.update(evidence.figures(metric))
        return evidence.series(metric)


def measured(source: Source, workload: Workload, setting: Setting | None, on: str | None) -> Measurement:
    """Bind a workload to a source.

    Raises
    ------
    Untestable
        The source cannot measure it.
    """
    return Measurement(source, source.place(workload, setting, on))

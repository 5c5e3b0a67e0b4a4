"""Evidence: what a source returns for a workload."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from statistics import median
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from llm_claims.errors import EvidenceError, Untestable
from llm_claims.evidence.series import Factor, Series, Spread, quotient
from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.metric import DURATIONS, Metric
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import witness_of
from llm_claims.workloads.registry import AnyWitness, AnyWorkload


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def key_of(workload: Workload, instance: str | None) -> str:
    """Name a workload on an instance type, in stores, files and logs."""
    return workload.digest + (f"-{instance}" if instance else "")


class Samples(_Model):
    """Samples of one metric.

    ``resolution`` is the last printed digit's worth, in ``unit`` (``5.1`` s has 0.1); only printed
    figures have one. ``rounding`` says how the printer rounded. ``place`` is where a document shows it.
    """

    unit: str
    spread: Spread
    samples: tuple[FiniteFloat, ...] = Field(min_length=1)
    resolution: FiniteFloat | None = Field(default=None, gt=0)
    rounding: Literal["nearest", "down"] = "nearest"
    place: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.spread == "printed") != (self.resolution is not None):
            raise ValueError("a printed figure, and only a printed figure, states its resolution")
        # A clock that cuts may show none where a little has passed.
        least = 0.0 if self.rounding == "nearest" else -math.ulp(0.0)
        if self.unit in DURATIONS and min(self.samples) <= least:
            raise ValueError(f"a duration must be positive, got {min(self.samples):g} {self.unit}")
        if self.unit in DURATIONS and self.spread == "exact":
            raise ValueError("a duration is never exact: it is sampled, or printed with a resolution")
        return self

    def series(self, rounds: tuple[int, ...], metric: Metric) -> Series:
        """Return the samples as a series; ``rounds`` are those of the evidence, shape (n,)."""
        if self.spread == "printed":
            assert self.resolution is not None
            printed = Series.printed(self.samples, self.unit, self.resolution, self.rounding)
            # Of a run that was repeated each round has its own figure; a document has figures and no rounds.
            return replace(printed, rounds=rounds) if 1 < len(rounds) == printed.n else printed
        if self.spread == "exact":
            return Series.exact(*self.samples, unit=self.unit)
        return Series.sampled(self.samples, self.unit, rounds, metric.resolution_at)


class Provenance(_Model):
    """Enough to run it again: hardware, software, commit, date, seeds, command."""

    kind: Literal["reported", "measured"]
    hardware: str
    instance_type: str | None = None
    instance_count: PositiveInt = 1
    software: dict[str, str] = {}
    commit: str | None = None
    date: date
    seeds: tuple[int, ...] = ()
    command: str | None = None


class Evidence(_Model):
    """What one source knows of one workload.

    ``rounds`` numbers the measuring rounds, ascending; each sampled metric has one sample a round. ``occasion`` numbers
    the recordings that were merged into one: what is of two occasions was never measured side by side.
    """

    workload: AnyWorkload
    outcome: Outcome = Outcome()
    metrics: dict[str, Samples] = {}
    rounds: tuple[PositiveInt, ...] = (1,)
    occasion: PositiveInt = 1
    witness: AnyWitness | None = None
    provenance: Provenance
    place: str | None = None
    note: str | None = None

    @field_validator("witness", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Read the witness of the workload's kind; of a workload that could not be read there is none to compare."""
        workload = info.data.get("workload")
        return None if workload is None else witness_of(value, type(workload))

    @model_validator(mode="after")
    def _trustworthy(self) -> Self:
        """Refuse metrics that are not the kind's, and a measured run that was not what was asked."""
        self._check_metrics()
        unseen = self.outcome.kind == "failed" and self.witness is None
        if self.provenance.kind == "measured" and not unseen:
            wrong = differences(self.workload, self.witness, ended_early=self.outcome.kind != "completed")
            if wrong:
                raise ValueError("the witness does not match the workload: " + "; ".join(wrong))
        if self.witness is not None:
            for fault in self.witness.faults({name: one.samples[-1] for name, one in self.metrics.items()}):
                raise ValueError(fault)
        return self

    def _check_metrics(self) -> None:
        if list(self.rounds) != sorted(set(self.rounds)):
            raise ValueError(f"rounds must ascend, got {self.rounds}")
        faults = [fault for name, samples in self.metrics.items() for fault in self._faults_of(name, samples)]
        if faults:
            raise ValueError("; ".join(faults))

    def _faults_of(self, name: str, samples: Samples) -> Iterator[str]:
        try:
            unit = self.workload.metric(name).unit
        except ValueError as error:
            yield str(error)
            return
        if samples.unit != unit:
            yield f"metric {name!r} is measured in {unit!r}, not {samples.unit!r}"
        if samples.spread == "sampled" and self.provenance.kind == "reported":
            yield f"metric {name!r} cannot be sampled in evidence that was only reported"
        elif samples.spread == "sampled" and len(samples.samples) != len(self.rounds):
            yield f"metric {name!r} has {len(samples.samples)} samples for {len(self.rounds)} rounds"

    @property
    def key(self) -> str:
        """What tells it from all other evidence of its source: the workload's digest, and the instance type."""
        return key_of(self.workload, self.instance_type)

    @property
    def instance_type(self) -> str | None:
        """The cloud instance type it ran on, if it was one."""
        return self.provenance.instance_type

    def describe(self) -> str:
        """One line for people: the workload, and the instance type it ran on, if it was one."""
        return self.workload.describe() + (f" on {self.instance_type}" if self.instance_type else "")

    def series(self, name: str) -> Series:
        """Return the samples of one metric, derived from others where the source did not measure it.

        Raises
        ------
        EvidenceError
            The run did not complete, or carries neither the metric nor what it derives from.
        Untestable
            The engine failed at it here: there is nothing to compare.
        """
        if self.outcome.kind == "failed" and self.provenance.kind == "measured":
            raise Untestable(f"{self.workload.describe()} fails here: {self.outcome.signature}")
        if self.outcome.kind != "completed":
            raise EvidenceError(
                f"{self.workload.describe()}: the run ended {self.outcome.kind} ({self.outcome.signature}), "
                f"so it has no {name}"
            )
        if name in self.metrics:
            series = self.metrics[name].series(self.rounds, self.workload.metric(name))
            itself = Factor(self.workload.kind, name, self.key)
            return replace(series, factors=((itself, 1.0),)) if series.spread == "sampled" else series
        parts = self._quotient_of(name)
        if parts and all(part in self.metrics for part in parts):
            numerator, denominator = (self.series(part) for part in parts)
            return quotient(numerator, denominator, self.workload.metric(name).unit)
        raise EvidenceError(f"{self.workload.describe()}: no metric {name!r} in its evidence")

    def is_sampled(self, name: str) -> bool:
        """Whether the run completed and sampled a metric itself."""
        return self.outcome.kind == "completed" and name in self.metrics and self.metrics[name].spread == "sampled"

    def median(self, name: str) -> float:
        """The median sample of a metric that it carries, in the metric's unit."""
        return median(self.metrics[name].samples)

    def figures(self, name: str) -> tuple[str, ...]:
        """The recorded metrics behind ``name``: itself, or those it derives from."""
        return (name,) if name in self.metrics else self._quotient_of(name) or (name,)

    def _quotient_of(self, name: str) -> tuple[str, ...]:
        meaning = type(self.workload).metrics.get(name)
        return (meaning and meaning.quotient_of) or ()

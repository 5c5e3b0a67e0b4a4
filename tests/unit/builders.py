"""What the unit tests are made of: series, quantities and evidence, written as shortly as they are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from llm_claims.evidence.evidence import Evidence, Provenance, Samples
from llm_claims.evidence.quantities import Quantity
from llm_claims.evidence.recordings import Recording
from llm_claims.evidence.series import Series
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations import Look
from llm_claims.relations.verdict import Verdict, Word
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads import built_in
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.llm.precision import DTYPES
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.registry import register
from llm_claims.workloads.witness import Witness

FIXTURES = Path(__file__).parents[2] / "fixtures"
DOCUMENTED = Look(documented_hardware=True)
T_975 = {1: 12.706205, 2: 4.302653, 4: 2.776445}
"""Student's t, two-sided 95%, by degrees of freedom: any printed table, such as NIST/SEMATECH 1.3.6.7.2."""


def quantity(series: Series, *measurements: Any) -> Quantity:
    return Quantity(lambda: series, reads=[(measurement, "latency_seconds") for measurement in measurements])


def live(*values: float, rounds: Sequence[int] = (), unit: str = "s") -> Quantity:
    return quantity(Series.sampled(values, unit, tuple(rounds)))


def exact(*values: float, unit: str = "steps") -> Quantity:
    return quantity(Series.exact(*values, unit=unit))


def figure(text: str, rounding: Literal["nearest", "down"] = "nearest", unit: str = "s") -> Quantity:
    """A figure as a page prints it: ``figure("5.10")`` lies in 5.095 to 5.105."""
    exponent = Decimal(text).as_tuple().exponent
    assert isinstance(exponent, int)
    return quantity(Series.printed((float(text),), unit, float(f"1e{exponent}"), rounding))


def span(verdict: Verdict) -> tuple[float, float]:
    assert verdict.interval is not None
    return verdict.interval.lower, verdict.interval.upper


METRICS = {name: metric for kind in built_in() for name, metric in kind.metrics.items()}
register(*built_in())


def witness_of(workload: Workload, **seen: Any) -> Witness:
    """The witness that a run of ``workload`` owes, written down independently of each kind's own words for it."""
    stated = workload.stated()
    facts = {name: value for name, value in stated.items() if name in type(workload).Witness.model_fields}
    if precision := stated.get("precision"):
        facts["weight_dtypes" if workload.kind == "loading" else "forward_dtypes"] = (DTYPES[precision],)
    if isinstance(workload, Generation):
        for name in ("input_tokens", "new_tokens"):
            if name in stated:
                facts[name] = (stated[name],) * workload.prompts
        if workload.batch_size:
            # Only what these tests use: batches that are all full.
            assert workload.prompts % workload.batch_size == 0
            facts["forward_batch_sizes"] = (workload.batch_size,)
    return type(workload).Witness(**{**facts, **seen})


REPORTED = Provenance(kind="reported", hardware="1 x A10G", date=date(2023, 5, 15))
MEASURED = Provenance(kind="measured", hardware="a CPU, 2 cores", date=date(2026, 11, 22), seeds=(1030,))


def sampled_metric(name: str, *values: float) -> Samples:
    return Samples(unit=METRICS[name].unit, spread="sampled", samples=values)


def printed_metric(name: str, value: float, resolution: float) -> Samples:
    return Samples(unit=METRICS[name].unit, spread="printed", samples=(value,), resolution=resolution)


def count_metric(name: str, *values: float) -> Samples:
    return Samples(unit=METRICS[name].unit, spread="exact", samples=values)


def reported(workload: Workload, instance: str | None = None, **metrics: Samples) -> Evidence:
    provenance = REPORTED.model_copy(update={"instance_type": instance})
    return Evidence(workload=workload, metrics=metrics, provenance=provenance)


def measured(
    workload: Workload, rounds: Sequence[int] = (1, 2, 3), witness: Witness | None = None, **metrics: Samples
) -> Evidence:
    return Evidence(
        workload=workload,
        metrics=metrics,
        rounds=tuple(rounds),
        witness=witness or witness_of(workload),
        provenance=MEASURED,
    )


def failed(workload: Workload, kind: Literal["out_of_memory", "failed"], signature: str, **fields: Any) -> Evidence:
    return Evidence(
        workload=workload,
        outcome=Outcome(kind=kind, signature=signature),
        **{"provenance": REPORTED, **fields},
    )


def empty_defaults(evidence: Sequence[Evidence]) -> dict[str, Defaults[Any]]:
    """Defaults that fill nothing, for each kind of the evidence."""
    kinds = {type(entry.workload) for entry in evidence}
    return {kind().kind: kind.defaults_type()(fields=kind()) for kind in kinds}


def recording(*evidence: Evidence, name: str = "paper", **fields: Any) -> Recording:
    return Recording(
        **{
            "name": name,
            "title": "Figures of a made-up document",
            "recorded": date(2023, 5, 15),
            "defaults": empty_defaults(evidence),
            "evidence": evidence,
            **fields,
        }
    )


def put(data: dict[str, Any], path: str, value: object) -> None:
    """Put a value at a path such as ``evidence.0.rounds``; ``...`` removes what is there."""
    whole: Any = data
    *folders, name = (int(part) if part.isdigit() else part for part in path.split("."))
    for folder in folders:
        whole = whole[folder]
    if value is ...:
        del whole[name]
    else:
        whole[name] = value


@dataclass(frozen=True, eq=False)
class Held:
    """A measurement that holds its evidence already."""

    evidence: Evidence


def row(word: Word | str, *, claim: str = "a", case: str = "", source: str = "paper", **fields: Any) -> VerdictRow:
    return VerdictRow(claim=claim, case=case, source=source, verdict=Word(word), **fields)


class Scripted(Source):
    """A live source that holds what each placed workload will measure, round by round, and draws from it."""

    live = True

    def __init__(
        self,
        latencies: Mapping[Placed, Sequence[float]],
        *,
        name: str = "cpu",
        documented: bool = False,
        most: int = 99,
    ) -> None:
        self.name = name
        self.documented = documented
        self.latencies = latencies
        self.most = most
        self.planned: Collection[Placed] = set()
        self.drawn: list[tuple[list[Placed], int]] = []
        self._rounds: dict[Placed, int] = {}

    def place(self, workload: Workload, setting: object, on: str | None) -> Placed:
        return Placed(workload, on)

    def evidence(self, placed: Placed) -> Evidence:
        rounds = self._rounds[placed]
        values = self.latencies[placed][:rounds]
        return measured(
            placed.workload, range(1, rounds + 1), latency_seconds=sampled_metric("latency_seconds", *values)
        )

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        self.drawn.append((list(placed), rounds))
        for one in placed:
            self._rounds[one] = max(rounds, self._rounds.get(one, 0))

    def has_time_for(self, placed: Sequence[Placed], rounds: int, planned: Collection[Placed]) -> bool:
        self.planned = planned
        return rounds <= self.most

    @property
    def asked(self) -> list[tuple[set[Placed], int]]:
        """The draws, without the order of their workloads."""
        return [(set(placed), rounds) for placed, rounds in self.drawn]

    def close(self) -> None:
        pass

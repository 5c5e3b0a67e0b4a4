"""The plan of a run on AWS: its jobs and endpoints, their estimated time and cost, and the claims they serve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm_claims.sagemaker.demand import Demand
from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.durations import MOST_JOB_SECONDS
from llm_claims.sagemaker.launches import Launch, plan_launches
from llm_claims.sagemaker.prices import Prices
from llm_claims.sources.base import Need, Placed

_MOST_CLAIMS = 6


@dataclass(frozen=True)
class CloudPlan:
    """The launches for some cases, with estimates of time and cost.

    ``job_seconds`` is the time limit of a job; for the other parameters see `plan_launches`.
    """

    needs: tuple[Need, ...]
    deployment_for: Callable[[Placed], Deployment]
    prices: Prices
    least_rounds: int
    most_rounds: int
    job_seconds: float = MOST_JOB_SECONDS

    @cached_property
    def launches(self) -> tuple[Launch, ...]:
        """Every job and endpoint, in the same order in every process."""
        return self._launches_for(self.needs)

    def _launches_for(self, needs: Iterable[Need]) -> tuple[Launch, ...]:
        return plan_launches(
            needs,
            self.deployment_for,
            least_rounds=self.least_rounds,
            most_rounds=self.most_rounds,
            job_seconds=self.job_seconds,
        )

    def usd(self, launch: Launch) -> float:
        """Return the estimated cost of one launch, in USD."""
        return self.prices.usd(launch.deployment.instance, launch.deployment.count, launch.seconds)

    @property
    def total_usd(self) -> float:
        """The estimated cost of the plan, in USD."""
        return sum(map(self.usd, self.launches))

    @property
    def demand(self) -> Demand:
        """What the plan demands of the account."""
        return Demand(
            usd=self.total_usd,
            jobs=self._machines("job"),
            endpoints=self._machines("endpoint"),
            images=tuple(sorted({launch.deployment.image for launch in self.launches})),
        )

    def _machines(self, kind: str) -> dict[str, int]:
        """Return for each instance type the machines that one launch of a kind needs at most."""
        most: dict[str, int] = {}
        for one in (launch.deployment for launch in self.launches if launch.deployment.kind == kind):
            most[f"ml.{one.instance}"] = max(one.count, most.get(f"ml.{one.instance}", 0))
        return most

    @property
    def hours(self) -> float:
        """The estimated instance hours: two machines for an hour are two."""
        return sum(launch.seconds * launch.deployment.count for launch in self.launches) / 3600

    def claims(self, launch: Launch) -> tuple[str, ...]:
        """Return the ids of the claims that a launch serves, in the order of the cases."""
        placed = set(launch.placed)
        return tuple(dict.fromkeys(need.claim for need in self.needs if placed & set(need.placed)))

    @cached_property
    def unshared(self) -> tuple[int, float]:
        """How many launches it would take, and their cost in USD, if cases shared none."""
        alone = [launch for need in self.needs for launch in self._launches_for([need])]
        return len(alone), sum(map(self.usd, alone))

    def lines(self) -> Iterator[str]:
        """Yield the plan as lines of text: a table of launches, sums, and the reasons why cases are not in it."""
        yield from _table([HEADER, *map(self._row, self.launches)])
        yield ""
        yield from self._sums()
        yield from self._left_out()

    def _row(self, launch: Launch) -> tuple[str, ...]:
        deployment, claims = launch.deployment, self.claims(launch)
        more = f" and {len(claims) - _MOST_CLAIMS} more" if len(claims) > _MOST_CLAIMS else ""
        return (
            deployment.kind,
            f"{deployment.count} x ml.{deployment.instance}",
            deployment.describe(),
            str(len(launch.placed)),
            str(len(launch.requests)),
            f"{launch.seconds * deployment.count / 3600:.2f}",
            f"{self.usd(launch):.2f}",
            ", ".join(claims[:_MOST_CLAIMS]) + more,
        )

    def _sums(self) -> Iterator[str]:
        kinds = Counter(launch.deployment.kind for launch in self.launches)
        served = {need.claim for need in self.needs if need.placed}
        cases = sum(bool(need.placed) for need in self.needs)
        yield (
            f"{kinds['job']} jobs and {kinds['endpoint']} endpoints for {cases} cases of {len(served)} claims: "
            f"{self.hours:.2f} instance hours, ${self.total_usd:.2f} "
            f"({self.prices.describe()}; durations are estimates)"
        )
        count, usd = self.unshared
        yield f"a job or endpoint of its own for every test: {count} of them, ${usd:.2f}"
        if kinds["job"]:
            yield (
                f"jobs are planned with {self.least_rounds} rounds; "
                f"a relation that cannot decide on them asks for up to {self.most_rounds}"
            )

    def _left_out(self) -> Iterator[str]:
        reasons: dict[str, list[Need]] = {}
        for need in self.needs:
            if need.reason is not None:
                reasons.setdefault(need.reason, []).append(need)
        for reason, left in sorted(reasons.items(), key=lambda entry: -len(entry[1])):
            yield f"not in this plan: {len(left)} case{'s' if len(left) > 1 else ''}: {reason}"


HEADER = ("kind", "machines", "runs", "workloads", "requests", "hours", "USD", "claims")
_NUMBERS = ("workloads", "requests", "hours", "USD")


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = [name in _NUMBERS for name in HEADER]
    for place, row in enumerate(rows):
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ]
        yield "  ".join(cells).rstrip()
        if place == 0:
            yield "  ".join("-" * width for width in widths)

"""The plan of a run on AWS: its jobs and endpoints, their estimated time and cost, and the claims they serve."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm_claims.sagemaker.demand import Demand
from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.durations import MOST_ENDPOINT_SECONDS, MOST_JOB_SECONDS
from llm_claims.sagemaker.launches import Launch, plan_launches
from llm_claims.sagemaker.prices import Prices
from llm_claims.sagemaker.quotas import quota_name
from llm_claims.sources.base import Need, Placed
from llm_claims.workloads.shown import count

_MOST_CLAIMS = 6
_AT_ONCE = 8


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
        return self._launches_for(self.needs, self.least_rounds)

    def _launches_for(self, needs: Iterable[Need], least_rounds: int) -> tuple[Launch, ...]:
        return plan_launches(
            needs,
            self.deployment_for,
            least_rounds=least_rounds,
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

    @cached_property
    def worst_usd(self) -> float:
        """What the plan costs in USD if every job has all rounds and lasts to its limit, and no endpoint is deleted."""
        total = 0.0
        for deployment in (launch.deployment for launch in self._launches_for(self.needs, self.most_rounds)):
            limit = MOST_JOB_SECONDS if deployment.kind == "job" else MOST_ENDPOINT_SECONDS
            total += self.prices.usd(deployment.instance, deployment.count, limit)
        return total

    def wall_hours(self, at_once: int) -> float:
        """Return the estimated hours from the first launch to the last end, with so many launches at a time."""
        ends = [0.0] * at_once
        for launch in self.launches:
            heapq.heapreplace(ends, ends[0] + launch.seconds)
        return max(ends) / 3600

    @property
    def _least_quota_hours(self) -> float:
        """The estimated hours with `_AT_ONCE` launches at a time, but one after another on each type and use."""
        busy = Counter[tuple[str, str]]()
        for launch in self.launches:
            busy[launch.deployment.kind, launch.deployment.instance] += round(launch.seconds)
        return max(max(busy.values()) / 3600, self.wall_hours(_AT_ONCE))

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
        alone = [launch for need in self.needs for launch in self._launches_for([need], self.least_rounds)]
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
            f"{count(kinds['job'], 'job')} and {count(kinds['endpoint'], 'endpoint')} for {count(cases, 'case')} "
            f"of {count(len(served), 'claim')}: {self.hours:.2f} instance hours, ${self.total_usd:.2f} "
            f"({self.prices.describe()}; durations are estimates)"
        )
        number, usd = self.unshared
        yield f"a job or endpoint of its own for every test: {number} of them, ${usd:.2f}"
        if not self.launches:
            return
        yield (
            f"at worst ${self.worst_usd:.2f}: {count(self.most_rounds, 'round')} of everything, every job to its "
            f"limit of {MOST_JOB_SECONDS / 60:.0f} min, every endpoint until its schedule deletes it after "
            f"{MOST_ENDPOINT_SECONDS / 3600:.0f} h; no launch is repeated"
        )
        if kinds["job"] and self.least_rounds < self.most_rounds:
            yield (
                f"jobs are planned with {count(self.least_rounds, 'round')}; "
                f"a relation that cannot decide on them asks for up to {self.most_rounds}"
            )
        yield (
            f"wall time: about {self.wall_hours(1):.1f} h one after another; with -n {_AT_ONCE}: "
            f"{self._least_quota_hours:.1f} h with the quotas that are needed, "
            f"{self.wall_hours(_AT_ONCE):.1f} h where they allow more"
        )
        yield f"quotas needed: {'; '.join(self._quotas())}"

    def _quotas(self) -> Iterator[str]:
        """Say how many machines each quota must have, and how many are used if all are launched at once."""
        everything = Counter[str]()
        for deployment in (launch.deployment for launch in self.launches):
            everything[_quota(deployment.kind, f"ml.{deployment.instance}")] += deployment.count
        needed = {_quota("job", name): machines for name, machines in self.demand.jobs.items()}
        needed |= {_quota("endpoint", name): machines for name, machines in self.demand.endpoints.items()}
        for name, machines in needed.items():
            more = f" (up to {everything[name]} are used at once)" if everything[name] > machines else ""
            yield f"{name} {machines}{more}"

    def _left_out(self) -> Iterator[str]:
        reasons: dict[str, list[Need]] = {}
        for need in self.needs:
            if need.reason is not None:
                reasons.setdefault(need.reason, []).append(need)
        for reason, left in sorted(reasons.items(), key=lambda entry: -len(entry[1])):
            yield f"not in this plan: {count(len(left), 'case')}: {reason}"


def _quota(kind: str, instance_type: str) -> str:
    return quota_name("training job" if kind == "job" else "endpoint", instance_type)


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

"""The plan of a run on AWS: every job and endpoint, how long, what it costs, and which claims it serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.durations import MOST_JOB_SECONDS
from llm_claims.sagemaker.launches import Launch, launches_of
from llm_claims.sagemaker.prices import Prices
from llm_claims.sources.base import Need, Placed

_MOST_CLAIMS = 6


@dataclass(frozen=True)
class CloudPlan:
    """What is going to be launched for the selected cases, and what each launch is estimated to take."""

    needs: tuple[Need, ...]
    deploy: Callable[[Placed], Deployment]
    prices: Prices
    least: int
    most: int
    job_seconds: float = MOST_JOB_SECONDS

    @cached_property
    def launches(self) -> tuple[Launch, ...]:
        """Every job and endpoint, in the same order in every process."""
        return self._of(self.needs)

    def _of(self, needs: Iterable[Need]) -> tuple[Launch, ...]:
        return launches_of(needs, self.deploy, least=self.least, most=self.most, job_seconds=self.job_seconds)

    def usd(self, launch: Launch) -> float:
        """Estimated dollars of one launch."""
        return self.prices.usd(launch.deployment.instance, launch.deployment.count, launch.seconds)

    @property
    def total_usd(self) -> float:
        """Estimated dollars of the whole plan."""
        return sum(map(self.usd, self.launches))

    @property
    def hours(self) -> float:
        """Hours of machines: two machines for an hour are two hours."""
        return sum(launch.seconds * launch.deployment.count for launch in self.launches) / 3600

    def claims(self, launch: Launch) -> tuple[str, ...]:
        """The claims that one launch serves, in the order of the cases."""
        placed = set(launch.placed)
        return tuple(dict.fromkeys(need.claim for need in self.needs if placed & set(need.placed)))

    @cached_property
    def per_test(self) -> tuple[int, float]:
        """How many jobs and endpoints, and how many dollars, if every case launched its own and shared nothing."""
        alone = [launch for need in self.needs for launch in self._of([need])]
        return len(alone), sum(map(self.usd, alone))

    def lines(self) -> Iterator[str]:
        """Yield the plan as text: a table, its sums, and why the other cases are not in it."""
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
            str(len(launch.asked)),
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
            f"{self.hours:.2f} instance hours, ${self.total_usd:.2f} ({self.prices.told}; durations are estimates)"
        )
        count, usd = self.per_test
        yield f"a job or endpoint of its own for every test: {count} of them, ${usd:.2f}"
        if kinds["job"]:
            yield f"jobs are planned with {self.least} rounds; a relation that cannot decide asks for up to {self.most}"

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

"""Which jobs and endpoints a run launches: as few as the workloads can share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.durations import ENDPOINT_START_SECONDS, JOB_START_SECONDS, MOST_JOB_SECONDS, request_seconds
from llm_claims.sources.base import Need, Placed
from llm_claims.workloads.loading.workload import Loading


@dataclass(frozen=True)
class PlacedRequest:
    """A request to run a placed workload once, as its round ``round`` (from 1)."""

    placed: Placed
    round: int

    @property
    def seconds(self) -> float:
        """Its estimated time."""
        return request_seconds(self.placed.workload, self.placed.instance)


@dataclass(frozen=True)
class Launch:
    """One job or endpoint, and the requests it is asked, in order."""

    deployment: Deployment
    requests: tuple[PlacedRequest, ...]

    @property
    def key(self) -> str:
        """Identifier of this launch; the same in every process of a run."""
        text = ",".join(f"{one.placed.key}/{one.round}" for one in self.requests)
        return f"{self.deployment.key}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The placed workloads of its requests, without repetitions."""
        return tuple(dict.fromkeys(one.placed for one in self.requests))

    @property
    def seconds(self) -> float:
        """The estimated time of the launch, from its billed start to its end."""
        start = JOB_START_SECONDS if self.deployment.kind == "job" else ENDPOINT_START_SECONDS
        return start + sum(one.seconds for one in self.requests)


def plan_launches(
    needs: Iterable[Need],
    deployment_for: Callable[[Placed], Deployment],
    *,
    least_rounds: int,
    most_rounds: int,
    job_seconds: float = MOST_JOB_SECONDS,
) -> tuple[Launch, ...]:
    """Return the launches that some cases need, in the same order in every process.

    A job is asked ``least_rounds`` rounds of each workload: if a relation cannot decide on them, a further job is
    launched. An endpoint is asked ``most_rounds``, since a round there takes seconds and a start minutes. A workload
    whose rounds do not vary is asked one.
    """
    varies: dict[Placed, bool] = {}
    for need in needs:
        for placed in need.placed:
            varies[placed] = varies.get(placed, False) or need.varies
    groups: dict[Deployment, list[Placed]] = {}
    for placed in varies:
        groups.setdefault(deployment_for(placed), []).append(placed)
    launches: list[Launch] = []
    for deployment, members in groups.items():
        several = least_rounds if deployment.kind == "job" else most_rounds
        rounds = {one: several if varies[one] and one.workload.fixed_seed is None else 1 for one in members}
        requests = [
            PlacedRequest(one, number)
            for number in range(1, several + 1)
            for one in _order(members, number)
            if number <= rounds[one]
        ]
        launches.extend(pack_launches(deployment, requests, job_seconds))
    return tuple(launches)


def _order(members: Sequence[Placed], number: int) -> Iterable[Placed]:
    """Return the order of the workloads in one round: reversed in every second one, so that drift disturbs all alike.

    Loading comes first: it needs a fresh process.
    """
    order = list(members) if number % 2 else list(reversed(members))
    return sorted(order, key=lambda one: not isinstance(one.workload, Loading))


def pack_launches(
    deployment: Deployment, requests: Sequence[PlacedRequest], job_seconds: float = MOST_JOB_SECONDS
) -> list[Launch]:
    """Return one endpoint for all requests, or as many jobs as are needed to keep each within ``job_seconds``.

    Jobs are packed first-fit. A request that alone takes longer than a job gets a job of its own.
    """
    if deployment.kind == "endpoint":
        return [Launch(deployment, tuple(requests))]
    room = job_seconds - JOB_START_SECONDS
    batches: list[list[PlacedRequest]] = []
    for request in requests:
        for batch in batches:
            if sum(one.seconds for one in batch) + request.seconds <= room:
                batch.append(request)
                break
        else:
            batches.append([request])
    return [Launch(deployment, tuple(batch)) for batch in batches]

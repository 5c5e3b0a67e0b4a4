"""Which jobs and endpoints a run needs: each workload once, and as many as can share one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.durations import ENDPOINT_START_SECONDS, JOB_START_SECONDS, MOST_JOB_SECONDS, request_seconds
from llm_claims.sources.base import Need, Placed
from llm_claims.workloads.loading.workload import Loading


@dataclass(frozen=True)
class Asked:
    """One request: a placed workload in one round, counted from 1."""

    placed: Placed
    round: int


@dataclass(frozen=True)
class Launch:
    """One job or endpoint, and what it is asked, in this order."""

    deployment: Deployment
    asked: tuple[Asked, ...]

    @property
    def key(self) -> str:
        """Name of this launch in every process of a run."""
        text = ",".join(f"{one.placed.key}/{one.round}" for one in self.asked)
        return f"{self.deployment.key}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The workloads, each once."""
        return tuple(dict.fromkeys(one.placed for one in self.asked))

    @property
    def seconds(self) -> float:
        """How long its machines are ours, as far as that can be told beforehand."""
        start = JOB_START_SECONDS if self.deployment.kind == "job" else ENDPOINT_START_SECONDS
        return start + sum(_seconds(one) for one in self.asked)


def _seconds(one: Asked) -> float:
    return request_seconds(one.placed.workload, one.placed.instance)


def launches_of(
    needs: Iterable[Need],
    deploy: Callable[[Placed], Deployment],
    *,
    least: int,
    most: int,
    job_seconds: float = MOST_JOB_SECONDS,
) -> tuple[Launch, ...]:
    """Return all launches of a plan, in the same order in every process.

    Jobs get the least rounds of a relation: further ones are launched if it cannot decide. An endpoint gets the most at
    once: a round costs seconds there, and its start minutes.
    """
    varying: dict[Placed, bool] = {}
    for need in needs:
        for placed in need.placed:
            varying[placed] = varying.get(placed, False) or need.varies
    groups: dict[Deployment, list[Placed]] = {}
    for placed in varying:
        groups.setdefault(deploy(placed), []).append(placed)
    found: list[Launch] = []
    for deployment, members in groups.items():
        several = least if deployment.kind == "job" else most
        rounds = {one: several if varying[one] and one.workload.fixed_seed is None else 1 for one in members}
        asked = [
            Asked(one, number)
            for number in range(1, several + 1)
            for one in _order(members, number)
            if number <= rounds[one]
        ]
        found.extend(launches_for(deployment, asked, job_seconds))
    return tuple(found)


def _order(members: Sequence[Placed], number: int) -> Iterable[Placed]:
    """Alternate: what drifts while a deployment lives disturbs each alike. Loading first: it takes a fresh process."""
    order = list(members) if number % 2 else list(reversed(members))
    return sorted(order, key=lambda one: not isinstance(one.workload, Loading))


def launches_for(
    deployment: Deployment, asked: Sequence[Asked], job_seconds: float = MOST_JOB_SECONDS
) -> Iterator[Launch]:
    """Yield the launches of one deployment: one endpoint, or as many jobs as a job's time limit needs."""
    if deployment.kind == "endpoint":
        yield Launch(deployment, tuple(asked))
        return
    room = job_seconds - JOB_START_SECONDS
    batches: list[list[Asked]] = []
    for one in asked:
        # First fit: a long request leaves room beside it for short ones that come later.
        fitting = (batch for batch in batches if sum(map(_seconds, batch)) + _seconds(one) <= room)
        if (batch := next(fitting, None)) is None:
            batches.append([one])
        else:
            batch.append(one)
    for batch in batches:
        yield Launch(deployment, tuple(batch))

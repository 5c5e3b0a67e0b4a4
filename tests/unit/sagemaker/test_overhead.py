"""How much longer a 20-minute job takes its client than it takes itself, by a simulated clock.

AWS's part is simulated: each call takes 0.3 s, a line is found in the log 10 s after it was written. The client's part
is real: the launcher's waiting and reading, and the putting together of answers, whose own time is added as it passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from workers import SETTINGS, SOCKET, FakeLauncher, table, training

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.deployments import deployment_of
from llm_claims.sagemaker.execution import Execution, ReceivedAnswer
from llm_claims.sagemaker.launches import Launch, PlacedRequest
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.specs import JobResult, TrainingSpec
from llm_claims.sagemaker.stacks import CURRENT
from llm_claims.sagemaker.training_jobs import TrainingJobs
from llm_claims.sources.base import Placed

JOB_SECONDS = 20 * 60.0
CALL_SECONDS = 0.3
LAG_SECONDS = 10.0
NAME = "llm-claims-20261123t015105-1a2b3c-train-p4d-24xlarge-abcdef"


@dataclass
class Clock:
    """A clock that goes on when somebody sleeps, or a call takes its time."""

    at: float = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Job:
    """SageMaker and CloudWatch, as far as one job is followed: its lines come evenly, its last one at its end."""

    clock: Clock
    lines: list[str]
    calls: int = 0
    describes: int = 0

    def _call(self) -> None:
        self.calls += 1
        self.clock.sleep(CALL_SECONDS)

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        self._call()
        self.describes += 1
        status = "Completed" if self.clock.at >= JOB_SECONDS else "InProgress"
        machines = {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2}
        return {"TrainingJobStatus": status, "ResourceConfig": machines, "BillableTimeInSeconds": int(JOB_SECONDS)}

    def get_paginator(self, _: str) -> Any:
        job = self

        class Pages:
            def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
                job._call()
                yield {"logStreams": [{"logStreamName": f"{NAME}/algo-1-1700000000"}]}

        return Pages()

    def get_log_events(self, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        self._call()
        share = (self.clock.at - LAG_SECONDS) / JOB_SECONDS
        there = max(0, min(len(self.lines), int(share * len(self.lines))))
        new = self.lines[int(nextToken) : there]
        return {"events": [{"message": line} for line in new], "nextForwardToken": str(max(there, int(nextToken)))}


@dataclass
class SimulatedLauncher(FakeLauncher):
    """The real following of a job, by another clock."""

    clock: Clock = field(default_factory=Clock)
    job: Job | None = None

    def train(
        self, spec: TrainingSpec, *, on_line: Callable[[str, str], None], heard_all: Callable[[], bool] = lambda: True
    ) -> JobResult:
        lines: list[str] = []
        super().train(spec, on_line=lambda host, line: lines.append(line))
        chatter = [f"{{'loss': 0.13, 'learning_rate': 1e-05, 'epoch': {step / 1000}}}" for step in range(2000)]
        self.job = Job(self.clock, [*chatter, SOCKET, *lines])
        account = Account("us-east-1")
        object.__setattr__(account, "client", lambda service, **_: self.job)
        pace = Pace(sleep=self.clock.sleep, now=self.clock.now)
        return TrainingJobs(account).follow(NAME, spec, pace, on_line, heard_all)


@pytest.fixture
def launch() -> Launch:
    run = Placed(training(rdma=False), "p4d.24xlarge")
    return Launch(deployment_of(run, CURRENT, table()), tuple(PlacedRequest(run, number) for number in (1, 2, 3)))


def test_the_client_adds_less_than_five_percent(launch: Launch, record_property: Callable[[str, object], None]) -> None:
    received: list[ReceivedAnswer] = []
    launcher = SimulatedLauncher()
    started = time.perf_counter()
    Execution(launch, launcher, SETTINGS, received.append).run()
    working = time.perf_counter() - started
    overhead = (launcher.clock.at - JOB_SECONDS + working) / JOB_SECONDS
    record_property("overhead", overhead)
    print(
        f"\nclient over a 20-minute job: {overhead:.1%} ({launcher.job.calls} calls, {working:.2f} s of its own work)"
    )
    assert len(received) == 3
    assert received[-1].answer.witness.rdma is False
    assert 0 < overhead < 0.05
    # Sixteen launches at once share the account's rate of calls.
    assert launcher.job.describes <= JOB_SECONDS / 15 + 1

"""Training jobs: started, followed to their end, stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from llm_claims.sagemaker import sdk
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import create, is_want_of_capacity, looked_up, removed, told
from llm_claims.sagemaker.errors import CloudError, NoCapacity, OutOfTime
from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.kinds import State
from llm_claims.sagemaker.logs import TRAINING_GROUP, LogReader
from llm_claims.sagemaker.names import PREFIX, RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.search import tagged
from llm_claims.sagemaker.specs import JobEnd, JobStatus, TrainingSpec

_ENDED = ("Completed", "Failed", "Stopped")
_WARM = ("Available", "InUse")


class TrainingJobs:
    """The account's training jobs. One that has ended stays listed for ever, but costs nothing."""

    kind: ResourceKind = "training job"

    def __init__(self, account: Account) -> None:
        self._account = account

    def start(self, run: RunId, name: str, spec: TrainingSpec) -> None:
        """Create a job.

        Raises
        ------
        NoCapacity
            No quota for the instance type.
        CloudError
            It was not created.
        """
        doing = f"creating training job {name} on {spec.instance_type}"
        create(self._account, doing, lambda: self._start(run, name, spec), lambda: self._describe(name) is not None)

    def _start(self, run: RunId, name: str, spec: TrainingSpec) -> None:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            sdk.start(self._account, run, name, spec)
        except (BotoCoreError, ClientError, Boto3Error, CloudError):
            raise
        except Exception as error:
            # The SDK has errors of many kinds of its own; some come after the job was created.
            text = self._account.scrub(f"{type(error).__name__}: {error}")
            raise CloudError(f"creating training job {name}: the SDK failed: {text}") from error

    def follow(self, name: str, spec: TrainingSpec, pace: Pace, on_line: Callable[[str, str], None]) -> JobEnd:
        """Wait for a job's end, and pass its log on as it comes.

        Raises
        ------
        NoCapacity
            There was no machine for it.
        OutOfTime
            It did not end although it should have long been stopped.
        CloudError
            AWS would not tell how it is.
        """
        log = _Log(LogReader(self._account, TRAINING_GROUP, f"{name}/"), on_line)
        deadline = pace.now() + spec.max_runtime_seconds + pace.provision
        while (found := self._described(name))["TrainingJobStatus"] not in _ENDED:
            log.pass_on()
            if pace.now() > deadline:
                raise OutOfTime(f"training job {name} has not ended, {pace.provision:.0f} s after it should have")
            pace.sleep(pace.poll)
        log.pass_rest_on(pace)
        return self._end(found, log.lines)

    def _end(self, found: dict[str, Any], lines: list[str]) -> JobEnd:
        status = cast(JobStatus, found["TrainingJobStatus"])
        failure = found.get("FailureReason")
        if status == "Stopped" and found.get("SecondaryStatus") not in (None, "Stopped"):
            failure = failure or str(found["SecondaryStatus"])
        if failure and status == "Failed" and is_want_of_capacity(failure):
            raise NoCapacity(f"no machine for training job {found['TrainingJobName']}: {self._account.scrub(failure)}")
        resources = found["ResourceConfig"]
        return JobEnd(
            status=status,
            failure=self._account.scrub(failure) if failure else None,
            lines=tuple(lines),
            billable_seconds=float(found.get("BillableTimeInSeconds") or 0),
            instance_type=str(resources["InstanceType"]),
            instance_count=int(resources["InstanceCount"]),
            image_digest=None,
        )

    # Finding and ending them, as `Kind`.

    def names(self, run: RunId | None) -> Iterator[str]:
        """The names of jobs that have not ended, or keep machines warm."""
        stem = run.prefix if run else PREFIX
        pages = self._account.client("sagemaker").get_paginator("list_training_jobs").paginate
        for state in ("InProgress", "Stopping"):
            for page in pages(NameContains=stem, StatusEquals=state):
                yield from (str(job["TrainingJobName"]) for job in page["TrainingJobSummaries"])
        for warm in _WARM:
            for page in pages(NameContains=stem, WarmPoolStatusEquals=warm):
                yield from (str(job["TrainingJobName"]) for job in page["TrainingJobSummaries"])

    def tagged(self, run: RunId | None) -> Iterator[tuple[str, str]]:
        """Those with the tag of a run; ended ones, too."""
        return tagged(self._account, "TrainingJob", run)

    def state(self, name: str) -> State:
        """Gone is: ended, and no machine is kept warm."""
        found = self._describe(name)
        if found is None or (found["TrainingJobStatus"] in _ENDED and not _is_warm(found)):
            return "gone"
        return "ending" if found["TrainingJobStatus"] == "Stopping" else "there"

    def remove(self, name: str) -> None:
        """Stop it, or let the machines go that it keeps warm."""
        client = self._account.client("sagemaker")
        found = self._describe(name)
        if found is None:
            return
        if found["TrainingJobStatus"] == "InProgress":
            removed(lambda: client.stop_training_job(TrainingJobName=name))
        elif found["TrainingJobStatus"] in _ENDED and _is_warm(found):
            client.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})

    def _described(self, name: str) -> dict[str, Any]:
        with told(self._account, f"looking at training job {name}"):
            found = self._describe(name)
        if found is None:
            raise CloudError(f"training job {name} is not there any more: somebody else deleted it")
        return found

    def _describe(self, name: str) -> dict[str, Any] | None:
        return looked_up(lambda: self._account.client("sagemaker").describe_training_job(TrainingJobName=name))


class _Log:
    """A job's log on its way: a hiccup in between is made good by the next look."""

    def __init__(self, reader: LogReader, on_line: Callable[[str, str], None]) -> None:
        self._reader, self._on_line = reader, on_line
        self.lines: list[str] = []

    def pass_on(self) -> bool:
        try:
            found = self._reader.read()
        except CloudError:
            return False
        return self._pass(found)

    def pass_rest_on(self, pace: Pace) -> None:
        quiet_since = pace.now()
        while True:
            if self._pass(self._reader.read()):
                quiet_since = pace.now()
            if pace.now() - quiet_since >= pace.quiet:
                return
            pace.sleep(min(pace.poll, pace.quiet))

    def _pass(self, found: list[tuple[str, str]]) -> bool:
        for host, line in found:
            self.lines.append(line)
            self._on_line(host, line)
        return bool(found)


def _is_warm(found: dict[str, Any]) -> bool:
    return (found.get("WarmPoolStatus") or {}).get("Status") in _WARM

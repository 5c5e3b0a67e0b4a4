"""Training jobs: start one, wait for its end, stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

from llm_claims.sagemaker import sdk
from llm_claims.sagemaker.calls import aws_errors, cloud_errors, create_once, if_exists, is_capacity_error, steadily
from llm_claims.sagemaker.errors import CloudError, NoCapacity
from llm_claims.sagemaker.listing import ENDED, WARM, is_over, is_warm, list_named, list_tagged
from llm_claims.sagemaker.logs import TRAINING_GROUP, LogReader
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.resources import Found, Resources, State
from llm_claims.sagemaker.specs import JobResult, JobStatus, TrainingSpec


class TrainingJobs(Resources):
    """The account's training jobs. AWS lists a job for ever; once it has ended, it is not billed."""

    type = "training job"

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
        create_once(self._account, doing, lambda: self._start(run, name, spec), lambda: self.exists(name))

    def _start(self, run: RunId, name: str, spec: TrainingSpec) -> None:
        try:
            sdk.start_training_job(self._account, run, name, spec)
        except aws_errors(CloudError):
            raise
        except Exception as error:
            # The SDK has many error classes without a common base, and may raise after it has created the job.
            text = self._account.scrub(f"{type(error).__name__}: {error}")
            raise CloudError(f"creating training job {name}: the SDK failed: {text}") from error

    def follow(
        self,
        name: str,
        spec: TrainingSpec,
        pace: Pace,
        on_line: Callable[[str, str], None],
        heard_all: Callable[[], bool] = lambda: True,
    ) -> JobResult:
        """Wait for the end of a job; call ``on_line`` with host and text of each line of its log.

        If AWS cannot be asked for `Pace.trouble`, or the job has not ended `Pace.provision` after its time limit, the
        result has the status ``Unknown``: what was heard by then is paid for. ``heard_all`` says whether more lines are
        waited for.

        Raises
        ------
        NoCapacity
            AWS had no machine for it.
        CloudError
            AWS never said anything of it.
        """
        log = _Log(LogReader(self._account, TRAINING_GROUP, f"{name}/"), on_line)
        deadline = pace.now() + spec.max_runtime_seconds + pace.provision
        found = steadily(lambda: self._describe_existing(name), pace)
        fault = ""
        try:
            while found["TrainingJobStatus"] not in ENDED:
                log.try_forward()
                if pace.now() > deadline:
                    raise CloudError(f"training job {name} has not ended {pace.provision:.0f} s after its time limit")
                pace.sleep(pace.poll)
                found = steadily(lambda: self._describe_existing(name), pace)
            patience = pace.lag if found["TrainingJobStatus"] == "Completed" else pace.quiet
            log.forward_rest(pace, patience, heard_all)
        except CloudError as error:
            fault = str(error)
            log.try_forward()
        return self._result(found, log.lines, fault)

    def _result(self, found: dict[str, Any], lines: list[str], fault: str) -> JobResult:
        status = cast(JobStatus, found["TrainingJobStatus"] if found["TrainingJobStatus"] in ENDED else "Unknown")
        failure = found.get("FailureReason") or fault
        if status == "Stopped" and found.get("SecondaryStatus") not in (None, "Stopped"):
            failure = failure or str(found["SecondaryStatus"])
        if failure and status == "Failed" and is_capacity_error(failure):
            raise NoCapacity(f"no machine for training job {found['TrainingJobName']}: {self._account.scrub(failure)}")
        resources = found["ResourceConfig"]
        return JobResult(
            status=status,
            failure=self._account.scrub(failure) if failure else None,
            lines=tuple(lines),
            billable_seconds=None if status == "Unknown" else float(found.get("BillableTimeInSeconds") or 0),
            instance_type=str(resources["InstanceType"]),
            instance_count=int(resources["InstanceCount"]),
            image_digest=None,
        )

    def listed(self, run: RunId | None) -> Iterator[Found]:
        """List the jobs of one run, or of any run, that have not ended or keep machines warm."""
        states: list[dict[str, str]] = [{"StatusEquals": state} for state in ("InProgress", "Stopping")]
        states += [{"WarmPoolStatusEquals": state} for state in WARM]
        # AWS answers two such calls a second. The jobs of one run are few: its sweep looks at each, ended or not.
        for only in [{}] if run else states:
            yield from list_named(
                self._account, "list_training_jobs", "TrainingJobSummaries", "TrainingJobName", run, **only
            )

    def tagged(self, run: RunId | None) -> Iterator[Found]:
        """List the jobs that carry the tag of one run, or of any run, and are not over."""
        return list_tagged(self._account, "TrainingJob", run)

    def exists(self, name: str) -> bool:
        """Whether AWS lists a job of this name, ended or not."""
        return self._describe(name) is not None

    def state(self, name: str) -> State:
        """Whether a job is there, is being stopped, or is gone: it has ended and keeps no machine warm."""
        found = self._describe(name)
        if found is None or is_over(found):
            return "gone"
        return "ending" if found["TrainingJobStatus"] == "Stopping" else "there"

    def remove(self, name: str) -> None:
        """Stop a job; if it has ended, release the machines that it keeps warm."""
        client = self._account.client("sagemaker")
        found = self._describe(name)
        if found is None:
            return
        if found["TrainingJobStatus"] == "InProgress":
            if_exists(lambda: client.stop_training_job(TrainingJobName=name))
        elif found["TrainingJobStatus"] in ENDED and is_warm(found):
            client.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})

    def _describe_existing(self, name: str) -> dict[str, Any]:
        with cloud_errors(self._account, f"looking at training job {name}"):
            found = self._describe(name)
        if found is None:
            raise CloudError(f"training job {name} was deleted by somebody else while it ran")
        return found

    def _describe(self, name: str) -> dict[str, Any] | None:
        return if_exists(lambda: self._account.client("sagemaker").describe_training_job(TrainingJobName=name))


class _Log:
    """Forwards the lines of a job's log to a callback, each once, and keeps them."""

    def __init__(self, reader: LogReader, on_line: Callable[[str, str], None]) -> None:
        self._reader, self._on_line = reader, on_line
        self.lines: list[str] = []

    def try_forward(self) -> None:
        """Forward the new lines; those that cannot be read now are left to the next call."""
        with suppress(CloudError):
            self._forward()

    def forward_rest(self, pace: Pace, patience: float, heard_all: Callable[[], bool]) -> None:
        """Forward lines until none has come for `Pace.quiet`, or for ``patience`` while not all was heard.

        CloudWatch shows lines late.
        """
        known, quiet_since = -1, pace.now()
        while True:
            steadily(self._forward, pace)
            if len(self.lines) > known:
                known, quiet_since = len(self.lines), pace.now()
            if pace.now() - quiet_since >= (pace.quiet if heard_all() else max(pace.quiet, patience)):
                return
            pace.sleep(min(pace.poll, pace.quiet))

    def _forward(self) -> None:
        for host, line in self._reader.read():
            self.lines.append(line)
            self._on_line(host, line)

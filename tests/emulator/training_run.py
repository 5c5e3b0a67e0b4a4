"""One training job as it runs: from its machines to its end."""

from __future__ import annotations

import re
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from tests.emulator.container import Container, base_environment
from tests.emulator.faults import NO_CAPACITY
from tests.emulator.job_folder import lay_out
from tests.emulator.sandbox import Sandbox
from tests.emulator.shelf import Resource
from tests.emulator.world import World

GROUP = "/aws/sagemaker/TrainingJobs"
_FAILURE_LIMIT = 1024


class JobFailed(Exception):
    """The job has failed; the message is its FailureReason."""


class TrainingRun:
    """Runs the entry point on each host, and keeps what Describe answers up to date."""

    def __init__(self, world: World, row: Resource, short_of_machines: bool) -> None:
        self._world, self._row, self._short = world, row, short_of_machines
        self._folder = world.new_folder(row.name)
        self._stop = threading.Event()
        self._let_go = threading.Event()
        self._warm_until = 0.0
        self._containers: list[Container] = []
        self._metrics: dict[str, float] = {}
        self._killed = False
        count = row.body["ResourceConfig"]["InstanceCount"]
        self._thread = threading.Thread(target=self._go, name=row.name, daemon=True)
        self.hosts = tuple(f"algo-{n}" for n in range(1, count + 1))

    def begin(self) -> None:
        self._thread.start()

    # What others may ask of it

    def stop(self) -> None:
        self._row.body["TrainingJobStatus"] = "Stopping"
        self._enter("Stopping", "Stopping the training job")
        self._stop.set()

    def keep_warm(self, seconds: float) -> None:
        self._warm_until = time.monotonic() + seconds
        self._let_go.set()

    def kill(self) -> None:
        """End it at once, without a trace."""
        with self._world.shelf.lock:
            self._killed = True
        self._stop.set()
        self.keep_warm(0)
        for container in self._containers:
            container.kill()
        if self._thread.is_alive():
            self._thread.join(10)

    # Its way

    def _go(self) -> None:
        status, secondary, reason = "Failed", "Failed", None
        try:
            status, secondary = self._run()
        except JobFailed as failed:
            reason = str(failed)
        except Exception as problem:  # whatever is wrong with the job's own configuration is the job's failure
            reason = f"ClientError: {problem}"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._end(status, secondary, reason)
        self._stay_warm(status)

    def _run(self) -> tuple[str, str]:
        self._enter("Starting", "Launching requested ML instances")
        self._stop.wait(self._world.settings.start_seconds)
        if self._short:
            raise JobFailed(NO_CAPACITY)
        if self._stop.is_set():
            return "Stopped", "Stopped"
        self._enter("Downloading", "Downloading input data")
        roots = [self._furnish(host) for host in self.hosts]
        self._enter("Training", "Training in-progress")
        self._row.body["TrainingStartTime"] = self._world.clock.now()
        self._began = time.monotonic()
        self._start(roots)
        how = self._wait()
        self._check(roots)
        if how != "MaxRuntimeExceeded":
            self._enter("Uploading", "Uploading generated training model")
        self._upload(roots[0])
        return ("Completed" if how == "Completed" else "Stopped"), how

    def _furnish(self, host: str) -> Path:
        """Make what the container sees as /opt/ml, with its channels."""
        root = self._folder / host
        for folder, uri in lay_out(root, host, self.hosts, self._row.body):
            if not self._world.storage.download(uri, folder):
                raise JobFailed(f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}".')
        return root

    def _start(self, roots: list[Path]) -> None:
        row, world = self._row, self._world
        specification = row.body["AlgorithmSpecification"]
        argv = [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
        environment = {
            **base_environment(world.url, row.region),
            "TRAINING_JOB_NAME": row.name,
            "TRAINING_JOB_ARN": row.arn,
            "SM_CURRENT_INSTANCE_TYPE": row.body["ResourceConfig"]["InstanceType"],
            **row.body.get("Environment", {}),
        }
        stamp = int(time.time() * 1000)
        with world.shelf.lock:
            if self._killed:
                raise JobFailed("the emulator is ending")
            for host, root in zip(self.hosts, roots, strict=True):
                sandbox = Sandbox(root, host, self.hosts, world.namespaces)
                take = self._lines_of(f"{row.name}/{host}-{stamp}")
                self._containers.append(Container(sandbox, argv, environment, take))

    def _lines_of(self, stream: str) -> Any:
        definitions = self._row.body["AlgorithmSpecification"].get("MetricDefinitions", [])
        patterns = [(row["Name"], re.compile(row["Regex"])) for row in definitions]

        def take(line: str) -> None:
            self._world.logs.write(GROUP, stream, line)
            for name, pattern in patterns:
                if found := pattern.search(line):
                    self._metrics[name] = float(found.group(1))

        return take

    def _wait(self) -> str:
        """Wait until all hosts end, one fails, the job is stopped, or its time is over; return how it ended."""
        limit = self._began + self._row.body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        while not self._stop.wait(0.05):
            codes = [container.poll() for container in self._containers]
            if None not in codes or any(codes):
                self._finish(grace=0 if any(codes) else None)
                return "Completed"
            if time.monotonic() > limit:
                self._finish(grace=self._world.settings.stop_grace_seconds)
                return "MaxRuntimeExceeded"
        self._finish(grace=self._world.settings.stop_grace_seconds)
        return "Stopped"

    def _finish(self, grace: float | None) -> None:
        """Let every host end; with a grace, ask it to, and end it when that is over."""
        self._codes = [container.poll() for container in self._containers]
        self._asked = grace is not None and not any(self._codes)
        if grace is not None:
            for container in self._containers:
                container.terminate()
            limit = time.monotonic() + grace
            while time.monotonic() < limit and any(container.poll() is None for container in self._containers):
                time.sleep(0.05)
        for container in self._containers:
            container.kill()

    def _check(self, roots: list[Path]) -> None:
        """Fail the job if a host failed of itself."""
        if self._killed:
            raise JobFailed("the emulator is ending")
        if self._asked:
            return
        for host, root, code in zip(self.hosts, roots, self._codes, strict=True):
            if code:
                failure = root / "output/failure"
                said = failure.read_text(errors="replace")[:_FAILURE_LIMIT] if failure.exists() else ""
                where = f" on {host}" if len(self.hosts) > 1 else ""
                raise JobFailed(f"AlgorithmError: {said}{where}, exit code: {code}")

    def _upload(self, root: Path) -> None:
        target = f"{self._row.body['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._row.name}/output"
        self._world.storage.pack(root / "model", f"{target}/model.tar.gz")
        if any((root / "output/data").iterdir()):
            self._world.storage.pack(root / "output/data", f"{target}/output.tar.gz")
        self._row.body["ModelArtifacts"] = {"S3ModelArtifacts": f"{target}/model.tar.gz"}

    # Its state

    def _enter(self, secondary: str, message: str) -> None:
        with self._world.shelf.lock:
            body, now = self._row.body, self._world.clock.now()
            if body["SecondaryStatusTransitions"]:
                body["SecondaryStatusTransitions"][-1].setdefault("EndTime", now)
            step = {"Status": secondary, "StartTime": now, "StatusMessage": message}
            body["SecondaryStatusTransitions"] = [*body["SecondaryStatusTransitions"], step]
            body["SecondaryStatus"], body["LastModifiedTime"] = secondary, now

    def _end(self, status: str, secondary: str, reason: str | None) -> None:
        with self._world.shelf.lock:
            self._enter(secondary, reason or secondary)
            body, now = self._row.body, self._world.clock.now()
            body["SecondaryStatusTransitions"][-1]["EndTime"] = now
            if "TrainingStartTime" in body:
                body["TrainingEndTime"] = now
                body["TrainingTimeInSeconds"] = body["BillableTimeInSeconds"] = max(
                    1, round(time.monotonic() - self._began)
                )
            if reason:
                body["FailureReason"] = reason[:_FAILURE_LIMIT]
            body["FinalMetricDataList"] = [
                {"MetricName": name, "Value": value, "Timestamp": now} for name, value in self._metrics.items()
            ]
            self._warm_until = time.monotonic() + body["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)
            if self._kept(status):
                body["WarmPoolStatus"] = {"Status": "Available"}
            else:
                body["_machines"] = {}
            body["TrainingJobStatus"] = status

    def _kept(self, status: str) -> bool:
        return status == "Completed" and bool(self._row.body["ResourceConfig"].get("KeepAlivePeriodInSeconds"))

    def _stay_warm(self, status: str) -> None:
        """Hold the machines, which bill, until their time is over or they are let go."""
        if not self._kept(status):
            return
        ended = time.monotonic()
        while (left := self._warm_until - time.monotonic()) > 0:
            self._let_go.wait(left)
            self._let_go.clear()
        held = round(time.monotonic() - ended)
        with self._world.shelf.lock:
            self._row.body["_machines"] = {}
            self._row.body["WarmPoolStatus"] = {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": held}

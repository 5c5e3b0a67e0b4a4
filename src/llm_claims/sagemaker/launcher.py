"""Launches jobs and endpoints, and removes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import cloud_errors
from llm_claims.sagemaker.endpoint_configs import EndpointConfigs
from llm_claims.sagemaker.endpoints import Endpoints
from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.images import digest_or_none
from llm_claims.sagemaker.in_service import InService
from llm_claims.sagemaker.journal import Entry, Journal, ResourceType
from llm_claims.sagemaker.models import Models
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.schedules import Schedules
from llm_claims.sagemaker.specs import EndpointSpec, JobResult, TrainingSpec
from llm_claims.sagemaker.sweep import Sweep, SweepReport, sweep_of_run
from llm_claims.sagemaker.training_jobs import TrainingJobs
from llm_claims.sagemaker.uploads import Uploads


class Launcher:
    """Launches the training jobs and endpoints of one run. Threads and processes of the run may do so at once.

    Parameters
    ----------
    account
        The account and region to launch in.
    run
        The run by which everything is named and tagged.
    journal
        The journal of this process.
    pace
        How often AWS is polled, and how long each wait may last.
    """

    def __init__(self, account: Account, run: RunId, journal: Journal, *, pace: Pace | None = None) -> None:
        self.account, self.run, self.journal, self.pace = account, run, journal, pace or Pace()
        self._jobs, self._endpoints = TrainingJobs(account), Endpoints(account)
        self._configs, self._models = EndpointConfigs(account), Models(account)
        self._schedules, self._uploads = Schedules(account), Uploads(account)

    def train(
        self,
        spec: TrainingSpec,
        *,
        on_line: Callable[[str, str], None],
        heard_all: Callable[[], bool] = lambda: True,
    ) -> JobResult:
        """Run one training job to its end. If anything fails meanwhile, stop the job.

        Parameters
        ----------
        spec
            The job.
        on_line
            Called with host (``algo-1``) and text of each line of the log, scrubbed, as they come.
        heard_all
            Whether all lines have come that matter: as long as not, a job that completed is waited for longer.

        Raises
        ------
        NoCapacity
            AWS has no quota or no machine for this instance type.
        CloudError
            A call failed.
        """
        name = self.run.name(spec.label, full_length=True)
        digest = digest_or_none(self.account, spec.image)
        self._intend("upload", self.run.s3_prefix)
        self._intend("training job", name)
        ended = False
        try:
            self._jobs.start(self.run, name, spec)
            result = self._jobs.follow(name, spec, self.pace, on_line, heard_all)
            ended = result.status != "Unknown"
        finally:
            if not ended:
                # If this call fails, `close` stops the job.
                with suppress(CloudError), cloud_errors(self.account, f"stopping training job {name}"):
                    self._jobs.remove(name)
        if ended:
            self._note_gone(entry for entry in self.journal.own_entries() if entry.name == name)
        return replace(result, image_digest=digest)

    @contextmanager
    def serving(self, spec: EndpointSpec) -> Iterator[InService]:
        """Create an endpoint, yield it once it is in service, and delete it in the end, whatever happens.

        Raises
        ------
        NoCapacity
            AWS has no quota or no machine for this instance type.
        EndpointError
            It did not come into service; the text ends with the last lines of its log.
        CloudError
            A call failed.
        """
        name = self.run.name(spec.label)
        try:
            self._create_endpoint(name, spec)
            yield self._endpoints.wait(name, spec, self.pace)
        finally:
            # What cannot be deleted now stays in the journal, for `close`.
            own = [entry for entry in self.journal.own_entries() if entry.name == name]
            self._sweep(Sweep(self.account, own, pace=self.pace))

    def _create_endpoint(self, name: str, spec: EndpointSpec) -> None:
        run = self.run
        self._intend("upload", run.s3_prefix)
        archive = self._uploads.put(spec.archive, f"{run.s3_prefix}{name}/model.tar.gz")
        self._intend("model", name)
        self._models.create(run, name, spec, archive)
        self._intend("endpoint config", name)
        self._configs.create(run, name, spec)
        # Before the endpoint: from the moment that it can exist, something will delete it.
        self._intend("schedule", name)
        self._schedules.create(name, spec.lifetime_seconds)
        self._intend("endpoint", name)
        self._endpoints.create(run, name)

    def _intend(self, resource_type: ResourceType, name: str) -> None:
        """Write into the journal what is about to be created, and where."""
        with cloud_errors(self.account, "asking AWS who the caller is"):
            place = self.account.place
        self.journal.intend(self.run, resource_type, name, place)

    def _note_gone(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.journal.gone(entry)

    def _sweep(self, sweep: Sweep) -> SweepReport:
        """Run a sweep, and write into the journal what is gone."""
        report = sweep.run()
        self._note_gone(report.gone)
        return report

    def close(self, *, whole_run: bool | None = None) -> SweepReport:
        """Remove at the end of the session what was launched and is still there.

        Parameters
        ----------
        whole_run
            Remove what any process of the run created, and the run's folder in the bucket; if false, only what this
            process created. By default an xdist worker removes its own, and any other process all.

        Raises
        ------
        KeyboardInterrupt
            The sweep was interrupted, and then done again from the start.
        """
        if whole_run is None:
            whole_run = "PYTEST_XDIST_WORKER" not in os.environ
        try:
            return self._close(whole_run)
        except KeyboardInterrupt:
            # Resources that are billed must go in any case; a second interrupt ends this sweep.
            self._close(whole_run)
            raise

    def _close(self, whole_run: bool) -> SweepReport:
        if whole_run:
            entries = [entry for entry in self.journal.entries() if entry.run == self.run]
            return self._sweep(sweep_of_run(self.account, self.run, entries, pace=self.pace))
        # Other processes of the run use the folder in the bucket too.
        own = [entry for entry in self.journal.own_entries() if entry.type != "upload"]
        return self._sweep(Sweep(self.account, own, pace=self.pace))

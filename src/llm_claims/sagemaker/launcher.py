"""Launches jobs and endpoints, and leaves none behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import told
from llm_claims.sagemaker.endpoint_configs import EndpointConfigs
from llm_claims.sagemaker.endpoints import Endpoints
from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.journal import Entry, Journal
from llm_claims.sagemaker.kinds import Kind
from llm_claims.sagemaker.models import Models
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.registry import digest_of
from llm_claims.sagemaker.schedules import Schedules
from llm_claims.sagemaker.specs import Endpoint, EndpointSpec, JobEnd, TrainingSpec
from llm_claims.sagemaker.sweep import Sweep, SweepReport, sweep_of_run
from llm_claims.sagemaker.training_jobs import TrainingJobs
from llm_claims.sagemaker.uploads import Uploads

__all__ = ["Endpoint", "EndpointSpec", "JobEnd", "Launcher", "TrainingSpec"]


class Launcher:
    """Runs training jobs and endpoints of one run.

    Several threads and processes of the run may each use theirs at the same time.

    Parameters
    ----------
    account
        Where, and as whom.
    run
        The run that everything is named and tagged after.
    journal
        Where names are written down before anything is created: one a process, in the run's common folder.
    pace
        How often AWS is asked, and how long it is waited for.
    """

    def __init__(self, account: Account, run: RunId, journal: Journal, *, pace: Pace | None = None) -> None:
        self.account, self.run, self.journal, self.pace = account, run, journal, pace or Pace()
        self._jobs, self._endpoints = TrainingJobs(account), Endpoints(account)
        self._configs, self._models = EndpointConfigs(account), Models(account)
        self._schedules, self._uploads = Schedules(account), Uploads(account)

    def train(self, spec: TrainingSpec, *, on_line: Callable[[str, str], None]) -> JobEnd:
        """Run one training job to its end.

        Parameters
        ----------
        spec
            The job.
        on_line
            Called with host (``algo-1``) and each line of the log, scrubbed, as they come.

        Raises
        ------
        NoCapacity
            No quota, or no machine, for this instance type.
        CloudError
            A call failed; whatever was created is stopped.
        """
        name = self.run.name(spec.label, full_length=True)
        digest = digest_of(self.account, spec.image)
        self.journal.intend(self.run, "upload", self.run.s3_prefix)
        self.journal.intend(self.run, "training job", name)
        ended = False
        try:
            self._jobs.start(self.run, name, spec)
            end = self._jobs.follow(name, spec, self.pace, on_line)
            ended = True
        finally:
            if not ended:
                self._end(self._jobs, name)
        self.journal.gone(self.run, "training job", name)
        return replace(end, image_digest=digest)

    @contextmanager
    def serving(self, spec: EndpointSpec) -> Iterator[Endpoint]:
        """Serve an endpoint as long as the context lasts.

        Raises
        ------
        NoCapacity
            No quota, or no machine, for this instance type.
        EndpointError
            It did not come into service; with the last lines of its log.
        CloudError
            A call failed; whatever was created is deleted.
        """
        name = self.run.name(spec.label)
        try:
            self._set_up(name, spec)
            yield self._endpoints.wait(name, spec, self.pace)
        finally:
            self._take_down(name)

    def _set_up(self, name: str, spec: EndpointSpec) -> None:
        run, journal = self.run, self.journal
        journal.intend(run, "upload", run.s3_prefix)
        archive = self._uploads.put(spec.archive, f"{run.s3_prefix}{name}/model.tar.gz")
        journal.intend(run, "model", name)
        self._models.create(run, name, spec, archive)
        journal.intend(run, "endpoint config", name)
        self._configs.create(run, name, spec)
        # The schedule comes first: from the moment that an endpoint can exist, something will delete it.
        journal.intend(run, "schedule", name)
        self._schedules.create(name, spec.lifetime_seconds)
        journal.intend(run, "endpoint", name)
        self._endpoints.create(run, name)

    def _take_down(self, name: str) -> None:
        """Delete what `_set_up` created. What cannot be deleted now stays in the journal, for `close`."""
        self._sweep(Sweep(self.account, [entry for entry in self.journal.mine() if entry.name == name], pace=self.pace))

    def _sweep(self, sweep: Sweep) -> SweepReport:
        report = sweep.run()
        for entry in report.gone:
            self.journal.gone(entry.run, entry.kind, entry.name)
        return report

    def _end(self, kind: Kind, name: str) -> None:
        """Stop it now if that is possible; `close` makes sure."""
        try:
            with told(self.account, f"ending {kind.kind} {name}"):
                kind.remove(name)
        except CloudError:
            return

    def close(self, *, whole_run: bool | None = None) -> SweepReport:
        """Sweep at the session's end: remove what is still there, and say what.

        Parameters
        ----------
        whole_run
            Sweep what any process of this run created, and its folder in the bucket, instead of what this
            process created. By default a worker of xdist sweeps its own and every other process all.

        Raises
        ------
        KeyboardInterrupt
            The sweep was interrupted, and done over.
        """
        if whole_run is None:
            whole_run = "PYTEST_XDIST_WORKER" not in os.environ
        try:
            return self._close(whole_run)
        except KeyboardInterrupt:
            # What is billed is removed all the same; whoever cannot wait interrupts again.
            self._close(whole_run)
            raise

    def _close(self, whole_run: bool) -> SweepReport:
        if whole_run:
            return self._sweep(sweep_of_run(self.account, self.run, self._journaled(), pace=self.pace))
        # The folder in the bucket is everybody's.
        mine = [entry for entry in self.journal.mine() if entry.kind != "upload"]
        return self._sweep(Sweep(self.account, mine, pace=self.pace))

    def _journaled(self) -> list[Entry]:
        return [entry for entry in self.journal.entries() if entry.run == self.run]

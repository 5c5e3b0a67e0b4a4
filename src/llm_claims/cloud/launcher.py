"""Launches jobs and endpoints, and leaves none behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from llm_claims.cloud.account import Account
from llm_claims.cloud.journal import Journal
from llm_claims.cloud.names import RunId
from llm_claims.cloud.specs import Endpoint, EndpointSpec, JobEnd, TrainingSpec
from llm_claims.cloud.sweep import SweepReport


class Launcher:
    """Runs training jobs and endpoints of one run; safe to use from several threads and processes of it."""

    def __init__(self, account: Account, run: RunId, journal: Journal) -> None:
        self.account, self.run, self.journal = account, run, journal

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
        raise NotImplementedError

    def serving(self, spec: EndpointSpec) -> AbstractContextManager[Endpoint]:
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
        raise NotImplementedError

    def close(self) -> SweepReport:
        """Sweep at the session's end: remove whatever of this run is still there, and say what."""
        raise NotImplementedError

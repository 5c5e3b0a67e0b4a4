"""What came of launches: the evidence made of their answers, and why others have none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llm_claims.errors import ClaimsError
from llm_claims.sagemaker.answers import AnswerStore, evidence_of
from llm_claims.sagemaker.cloud_run import CloudRun
from llm_claims.sagemaker.execution import ReceivedAnswer
from llm_claims.sagemaker.launches import Launch
from llm_claims.sagemaker.messages import not_measured
from llm_claims.sagemaker.placement import Placement
from llm_claims.sagemaker.scrub import scrub
from llm_claims.sources.base import Placed
from llm_claims.sources.store import EvidenceStore, Failure


@dataclass(frozen=True)
class Results:
    """Writes evidence and failures of one source.

    Parameters
    ----------
    source
        The name of the source.
    store, answers
        The evidence of the run, and the answers that it is made of.
    placement
        Where workloads went.
    cloud_run
        Tells the device of the containers, once there are any.
    commit
        The commit of the tested code, for the provenance.
    unread_folder
        Where raw answers are kept that could not be used; None to keep none.
    """

    source: str
    store: EvidenceStore
    answers: AnswerStore
    placement: Placement
    cloud_run: CloudRun
    commit: str | None
    unread_folder: Path | None

    def write_answer(self, received: ReceivedAnswer) -> None:
        """Store an answer, with the image that gave it."""
        self.answers.write(received, self.placement.deployment_for(received.request.placed).image)

    def write_failure(self, launch: Launch, failure: Failure) -> None:
        """Store why a launch failed, for every workload that lacks an answer."""
        answered = {one: self.answers.rounds(one.key) for one in launch.placed}
        for request in launch.requests:
            if request.round not in answered[request.placed]:
                self.store.write_failure(self.source, request.placed, failure)

    def write_evidence(self, launch: Launch, placed: Placed) -> None:
        """Make the evidence of a workload anew from all its answers, in the order of their rounds, and store it."""
        with self.store.lock(self.source, placed):
            if not self.answers.rounds(placed.key):
                return
            try:
                evidence = evidence_of(
                    self.answers.read(placed.key),
                    self.placement.deployment_for(placed),
                    device=self.cloud_run.container_settings.device,
                    emulated=self.placement.emulated,
                    commit=self.commit,
                )
            except Exception as error:
                self.store.write_failure(self.source, placed, self._not_measured(placed) or self.failure(launch, error))
            else:
                self.store.write(self.source, placed, evidence)

    def failure(self, launch: Launch, error: BaseException, where: str = "") -> Failure:
        """Return what to say of an error; if the launch gave answers, they are kept for a person to read."""
        said = str(error) if isinstance(error, ClaimsError) else scrub(f"{type(error).__name__}: {error}")
        raw = self.answers.copy_raw(launch.key, self.unread_folder) if self.unread_folder else None
        return Failure(text=f"{where}{said}" + (f" (its raw answers are in {raw})" if raw else ""))

    def _not_measured(self, placed: Placed) -> Failure | None:
        """Return the failure of a workload in whose place something else ran, if its program said so."""
        with suppress(ValueError):
            for reason in map(not_measured, (stored.answer for stored in self.answers.read(placed.key))):
                if reason is not None:
                    return Failure(cause="not_measured", text=reason)
        return None

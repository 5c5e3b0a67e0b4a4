"""The answers of a run's jobs and endpoints, in files that all its processes share, and evidence made of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from llm_claims.document.files import write_atomically
from llm_claims.errors import WitnessError
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import EMULATED
from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.execution import ReceivedAnswer
from llm_claims.sagemaker.messages import message_of
from llm_claims.sagemaker.scrub import scrub
from llm_claims.sources.growth import grown
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer


class StoredAnswer(BaseModel):
    """One answer as it is stored: what was asked, what was answered, and on what machines and image, on which day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: Request
    ready: Ready
    answer: Answer
    instance_type: str
    instance_count: int
    image: str
    image_digest: str | None = None
    day: date

    @field_validator("answer", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Read the answer's witness as one of the request's kind of workload."""
        kind = type(info.data["request"].workload)
        return read_answer(json.dumps(value), kind) if isinstance(value, dict) else value


class AnswerStore:
    """A folder with a file for each answer, and for each launch a lock and marks: ``.begun`` and ``.done``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def write(self, received: ReceivedAnswer, image: str) -> None:
        """Store an answer, and the image (``REPOSITORY:TAG``) that gave it."""
        stored = StoredAnswer(
            request=message_of(received.request),
            ready=received.ready,
            answer=received.answer,
            instance_type=received.instance_type,
            instance_count=received.instance_count,
            image=image,
            image_digest=received.image_digest,
            day=date.today(),
        )
        path = self.folder / f"{received.request.placed.key}.{received.request.round}.answer"
        write_atomically(path, stored.model_dump_json(exclude_none=True))

    def read(self, key: str) -> list[StoredAnswer]:
        """Return all answers for the placed workload with this key, in the order of their rounds."""
        paths = [self.folder / f"{key}.{number}.answer" for number in sorted(self.rounds(key))]
        return [StoredAnswer.model_validate_json(path.read_text(encoding="utf-8")) for path in paths]

    def rounds(self, key: str) -> set[int]:
        """Return the rounds of the placed workload with this key that have an answer."""
        return {int(path.name.split(".")[-2]) for path in self.folder.glob(f"{key}.*.answer")}

    def write_raw(self, launch: str, text: str) -> None:
        """Add what a container said, as it said it, to the raw answers of a launch."""
        with (self.folder / f"{launch}.raw").open("a", encoding="utf-8") as stream:
            stream.write(scrub(text) + "\n")

    def copy_raw(self, launch: str, folder: Path) -> Path | None:
        """Copy the raw answers of a launch to a folder; return the copy, or None if it gave none."""
        raw = self.folder / f"{launch}.raw"
        if not raw.exists():
            return None
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.copyfile(raw, folder / f"{launch}.txt")

    def is_done(self, launch: str) -> bool:
        """Whether the launch with this key was carried out in this run, with or without success."""
        return (self.folder / f"{launch}.done").exists()

    def mark_done(self, launch: str) -> None:
        """Remember that a launch was carried out, so that no process repeats it."""
        (self.folder / f"{launch}.done").touch()

    def is_begun(self, launch: str) -> bool:
        """Whether a process of this run began the launch with this key."""
        return (self.folder / f"{launch}.begun").exists()

    def mark_begun(self, launch: str) -> None:
        """Remember that a launch was begun: whatever becomes of this process, it may have to be paid for."""
        (self.folder / f"{launch}.begun").touch()

    @property
    def any_begun(self) -> bool:
        """Whether any process of this run began a launch."""
        return any(self.folder.glob("*.begun"))

    @contextmanager
    def lock(self, launch: str) -> Iterator[bool]:
        """Lock a launch; yield false at once if another process has the lock or it is done."""
        lock = FileLock(self.folder / f"{launch}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield not self.is_done(launch)
        finally:
            lock.release()


def evidence_of(
    answers: Sequence[StoredAnswer], deployment: Deployment, *, device: str, emulated: bool, commit: str | None
) -> Evidence:
    """Return the evidence of a placed workload from its answers: at least one, in the order of their rounds.

    Raises
    ------
    ClaimsError
        A run failed, or did not match its workload or deployment.
    """
    evidence: Evidence | None = None
    command = f"sagemaker {deployment.program}"
    for one in answers:
        _check_machines(one, deployment)
        evidence = grown(evidence, one.request, one.answer, one.ready, device=device, command=command, commit=commit)
        evidence = evidence.model_copy(update=_scrubbed(evidence, one, deployment.stack, emulated=emulated))
    assert evidence is not None
    return evidence


def _check_machines(stored: StoredAnswer, deployment: Deployment) -> None:
    """Check that the machines were those of the deployment."""
    asked = (deployment.instance.removeprefix("ml."), deployment.count)
    seen = (stored.instance_type.removeprefix("ml."), stored.instance_count)
    if seen != asked:
        what = stored.request.workload.describe()
        raise WitnessError(f"{what}: asked for {asked[1]} x ml.{asked[0]}, it ran on {seen[1]} x ml.{seen[0]}")


def _scrubbed(evidence: Evidence, stored: StoredAnswer, stack: str, *, emulated: bool) -> dict[str, object]:
    """Return provenance and outcome with machines and image added, and scrubbed of all that identifies the account."""
    outcome = evidence.outcome
    if outcome.signature:
        outcome = outcome.model_copy(update={"signature": scrub(outcome.signature)})
    hardware = scrub(stored.ready.hardware)
    image = {"image": stored.image} | ({"image digest": stored.image_digest} if stored.image_digest else {})
    provenance = evidence.provenance.model_copy(
        update={
            "hardware": f"{EMULATED}: {hardware}" if emulated else hardware,
            "instance_type": None if emulated else stored.instance_type.removeprefix("ml."),
            "instance_count": stored.instance_count,
            "software": {**evidence.provenance.software, **image, "stack": stack},
            "date": stored.day,
        }
    )
    return {"provenance": provenance, "outcome": outcome}

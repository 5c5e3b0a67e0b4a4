"""What was heard in this run from jobs and endpoints, kept for all its processes until it is evidence."""

from __future__ import annotations

import json
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
from llm_claims.sagemaker.scrub import scrub
from llm_claims.sagemaker.visits import Heard
from llm_claims.sources.growth import grown
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer


class KeptAnswer(BaseModel):
    """One answer, as it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: Request
    ready: Ready
    answer: Answer
    instance_type: str
    instance_count: int
    image: str
    image_digest: str | None
    day: date

    @field_validator("answer", mode="before")
    @classmethod
    def _to_its_request(cls, value: Any, info: ValidationInfo) -> Any:
        kind = type(info.data["request"].workload)
        return read_answer(json.dumps(value), kind) if isinstance(value, dict) else value


class Answers:
    """A folder: a file for each answer, a lock and a mark for each launch."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def write(self, heard: Heard, request: Request, image: str) -> None:
        """Keep an answer."""
        kept = KeptAnswer(
            request=request,
            ready=heard.ready,
            answer=heard.answer,
            instance_type=heard.instance_type,
            instance_count=heard.instance_count,
            image=image,
            image_digest=heard.image_digest,
            day=date.today(),
        )
        path = self.folder / f"{heard.asked.placed.key}.{heard.asked.round:04d}.answer"
        write_atomically(path, kept.model_dump_json(exclude_none=True))

    def of(self, key: str) -> list[KeptAnswer]:
        """All answers of one placed workload, by round: jobs may end in another order."""
        paths = sorted(self.folder.glob(f"{key}.*.answer"))
        return [KeptAnswer.model_validate_json(path.read_text(encoding="utf-8")) for path in paths]

    def is_done(self, launch: str) -> bool:
        """Whether a launch was made in this run, whatever came of it."""
        return (self.folder / f"{launch}.done").exists()

    def mark_done(self, launch: str) -> None:
        """Remember that a launch was made: nobody makes it again."""
        (self.folder / f"{launch}.done").touch()

    @property
    def any_done(self) -> bool:
        """Whether this run launched anything."""
        return any(self.folder.glob("*.begun"))

    @contextmanager
    def turn(self, launch: str) -> Iterator[bool]:
        """Yield whether it is this process's turn to make a launch: nobody else makes it now, or has made it."""
        lock = FileLock(self.folder / f"{launch}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            mine = not self.is_done(launch)
            if mine:
                (self.folder / f"{launch}.begun").touch()
            yield mine
        finally:
            lock.release()


def evidence_of(
    answers: Sequence[KeptAnswer], deployment: Deployment, *, device: str, emulated: bool, commit: str | None
) -> Evidence:
    """Make evidence of all answers about one workload, at least one, in the order of their rounds.

    Raises
    ------
    ClaimsError
        A run failed, or was not what was asked.
    """
    evidence: Evidence | None = None
    command = f"sagemaker {deployment.program}"
    for kept in answers:
        _check_place(kept, deployment)
        evidence = grown(evidence, kept.request, kept.answer, kept.ready, device=device, command=command, commit=commit)
        evidence = evidence.model_copy(update=_where(evidence, kept, deployment.stack, emulated=emulated))
    assert evidence is not None
    return evidence


def _check_place(kept: KeptAnswer, deployment: Deployment) -> None:
    """Make sure that AWS started what was asked for."""
    asked = (deployment.instance.removeprefix("ml."), deployment.count)
    seen = (kept.instance_type.removeprefix("ml."), kept.instance_count)
    if seen != asked:
        what = kept.request.workload.describe()
        raise WitnessError(f"{what}: asked for {asked[1]} x ml.{asked[0]}, it ran on {seen[1]} x ml.{seen[0]}")


def _where(evidence: Evidence, kept: KeptAnswer, stack: str, *, emulated: bool) -> dict[str, object]:
    """Where a round ran, and with what; without a word of the account it ran in."""
    outcome = evidence.outcome
    if outcome.signature:
        outcome = outcome.model_copy(update={"signature": scrub(outcome.signature)})
    hardware = scrub(kept.ready.hardware)
    image = {"image": kept.image} | ({"image digest": kept.image_digest} if kept.image_digest else {})
    provenance = evidence.provenance.model_copy(
        update={
            "hardware": f"{EMULATED}: {hardware}" if emulated else hardware,
            "instance_type": None if emulated else kept.instance_type.removeprefix("ml."),
            "instance_count": kept.instance_count,
            "software": {**evidence.provenance.software, **image, "stack": stack},
            "date": kept.day,
        }
    )
    return {"provenance": provenance, "outcome": outcome}

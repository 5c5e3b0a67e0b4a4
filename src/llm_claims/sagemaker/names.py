"""Names and tags of everything that a run creates in AWS, by which a sweep finds it, and nothing else."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from llm_claims.sagemaker.errors import SetUpError

PREFIX = "llm-claims-"
S3_ROOT = "llm-claims/"
RUN_TAG = "llm-claims:run"
CREATED_TAG = "llm-claims:created"
OWNER_TAG = "llm-claims:owner"
RUN_VARIABLE = "LLM_CLAIMS_RUN"

_STAMP = "%Y%m%dt%H%M%S"
_RUN = r"[0-9]{8}t[0-9]{6}-[0-9a-f]{6}"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_RUN_ID = re.compile(_RUN)
_NAME = re.compile(f"{PREFIX}({_RUN})-{_LABEL}")
NAME_LENGTH = 63
# What is left after the prefix, the run id (22) with a hyphen, and a hyphen with six random digits.
LABEL_LENGTH = NAME_LENGTH - len(PREFIX) - 22 - 1 - 7


@dataclass(frozen=True, order=True)
class RunId:
    """The id of a run: its start (UTC, to the second) and six random hexadecimal digits. Ids sort by time."""

    text: str

    def __post_init__(self) -> None:
        if not _RUN_ID.fullmatch(self.text) or _instant(self.text) is None:
            raise SetUpError(f"{self.text!r} is no run id: one looks like 20261123t015105-1a2b3c")

    @classmethod
    def new(cls, now: datetime) -> RunId:
        """Return a new id for a run that starts at ``now``."""
        return cls(f"{now.astimezone(UTC).strftime(_STAMP)}-{secrets.token_hex(3)}")

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> RunId | None:
        """Return the id in ``LLM_CLAIMS_RUN``, if it is set."""
        given = (os.environ if environment is None else environment).get(RUN_VARIABLE)
        return cls(given) if given else None

    @classmethod
    def of_tag(cls, value: str) -> RunId | None:
        """Return the run whose id is the value of a tag; None if it is no id."""
        return cls(value) if _RUN_ID.fullmatch(value) and _instant(value) else None

    @classmethod
    def of_name(cls, name: str) -> RunId | None:
        """Return the run that created a resource of this name; None if the name is not one of a run."""
        found = _NAME.fullmatch(name)
        return cls(found[1]) if found and _instant(found[1]) else None

    @property
    def started(self) -> datetime:
        """The start of the run, in UTC."""
        instant = _instant(self.text)
        assert instant is not None, "checked when it was made"
        return instant

    @property
    def prefix(self) -> str:
        """The start of the names of all resources of the run."""
        return f"{PREFIX}{self.text}-"

    @classmethod
    def of_s3_prefix(cls, prefix: str) -> RunId | None:
        """Return the run whose folder in the bucket this is; None if it is not the folder of a run."""
        root, _, run = prefix.rstrip("/").rpartition("/")
        return cls(run) if root + "/" == S3_ROOT and _RUN_ID.fullmatch(run) and _instant(run) else None

    @property
    def s3_prefix(self) -> str:
        """The run's folder in the bucket, with a slash at its end."""
        return f"{S3_ROOT}{self.text}/"

    def name(self, label: str, *, full_length: bool = False) -> str:
        """Return a new unique name for a resource: prefix, label, random digits.

        Parameters
        ----------
        label
            What the resource is for, such as ``train-g5-2xlarge``; it is cut if it is too long.
        full_length
            Fill the name up to the 63 characters that AWS allows: the SDK appends the time to a shorter one.

        Raises
        ------
        SetUpError
            The label has other characters than letters, digits and hyphens.
        """
        if not re.fullmatch(_LABEL, label):
            raise SetUpError(f"{label!r} cannot be part of a resource's name: use letters, digits and hyphens")
        stem = f"{self.prefix}{label[:LABEL_LENGTH].rstrip('-')}-"
        return stem + secrets.token_hex(NAME_LENGTH)[: NAME_LENGTH - len(stem) if full_length else 6]

    def tags(self, owner: str) -> dict[str, str]:
        """Return the tags of every resource of the run: its id, its start, and ``owner``."""
        return {RUN_TAG: self.text, CREATED_TAG: self.started.isoformat(), OWNER_TAG: owner}


def _instant(run: str) -> datetime | None:
    """Return the time in a run id; None if there is no such time."""
    try:
        return datetime.strptime(run.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None

"""The register of a suite's claims: id, our own wording, and where it cannot be measured."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from llm_claims.document.validation import validated
from llm_claims.errors import RecordingError, UsageError


class Claim(BaseModel):
    """A statement of the document.

    ``basis`` tells a statement of the document from one that it implies and from our own.
    ``untestable`` maps a source's name or kind to the true reason why it cannot measure the claim.
    ``disagrees`` are ids of claims of other documents that say otherwise: reports show both beside each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: str
    basis: Literal["stated", "implied", "ours"] = "stated"
    untestable: dict[str, str] = {}
    disagrees: tuple[str, ...] = ()


class Register(BaseModel):
    """Every claim of one document; ``sections`` names its parts, each with the id of the first claim in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    sections: dict[str, str] = {}
    claims: dict[str, Claim] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        for section, id in self.sections.items():
            if id not in self.claims:
                raise ValueError(
                    f"section {section!r} begins with {id!r}, which is no claim{_nearest(id, self.claims)}"
                )
        return self

    @cached_property
    def section_of(self) -> dict[str, str]:
        """The section of each claim; empty for those before the first."""
        begins, section, found = {id: name for name, id in self.sections.items()}, "", {}
        for id in self.claims:
            found[id] = section = begins.get(id, section)
        return found

    def __getitem__(self, id: str) -> Claim:
        """Return the claim with permanent id ``id``.

        Raises
        ------
        UsageError
            There is no such claim; the text proposes the nearest ids.
        """
        if id not in self.claims:
            raise unknown_claim(id, self.claims)
        return self.claims[id]


def unknown_claim(id: str, known: Mapping[str, Claim]) -> UsageError:
    """Return the error for an id of no claim, which proposes the nearest ones."""
    return UsageError(f"unknown claim id {id!r}{_nearest(id, known)}")


def _nearest(word: str, known: Mapping[str, Claim]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=3)
    return f": did you mean {' or '.join(near)}?" if near else ""


def read_register(path: Path) -> Register:
    """Read the register from a TOML file.

    Raises
    ------
    RecordingError
        The file is missing, not TOML, or has a wrong field.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecordingError(
            f"{path}: the register of claims cannot be read: {error}. If the folder is not your suite's, pytest took "
            "another one for its root: write options as --name=VALUE, or name it with --rootdir. If there is no suite "
            "yet, `llm-claims init FOLDER` writes one."
        ) from None
    return validated(Register, data, path)

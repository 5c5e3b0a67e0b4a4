"""The documents of a suite: each is a folder with its register and its recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from llm_claims.document.register import Claim, Register, read_register, unknown_claim
from llm_claims.errors import RecordingError, UsageError, listed, nearest

RECORDINGS = "recordings"
TAKEN = "index"
"""The name of the report's first page, so of no document's."""
NAME_RULE = (
    "a document's name has lower-case letters, digits, dots, hyphens and underscores, and is neither "
    f"{TAKEN!r} nor {RECORDINGS!r}"
)


def is_name(text: str) -> bool:
    """Whether a document may have this name."""
    return text not in (TAKEN, RECORDINGS) and re.fullmatch("[a-z0-9][a-z0-9._-]*", text) is not None


@dataclass(frozen=True)
class Document:
    """One document: the file of its claims, which lies in the folder that gives the document its name."""

    path: Path
    register: Register

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.parent.name

    @property
    def recordings(self) -> Path:
        """The folder of its recordings."""
        return self.path.parent / RECORDINGS


@dataclass(frozen=True)
class Documents:
    """Every document of a suite. A claim's id tells its document: no two documents share one."""

    held: tuple[Document, ...]

    @cached_property
    def of_claim(self) -> dict[str, Document]:
        """The document of each claim, by the claim's id."""
        return {id: one for one in self.held for id in one.register.claims}

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """The claims of all documents, by id."""
        return {id: claim for one in self.held for id, claim in one.register.claims.items()}

    @property
    def several(self) -> bool:
        """Whether more than one document has claims: then reports say of each case whose it is."""
        return sum(bool(one.register.claims) for one in self.held) > 1

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

    def named(self, name: str) -> Document:
        """Return the document of this name.

        Raises
        ------
        UsageError
            There is none; the text proposes the nearest name, or lists all.
        """
        names = [one.name for one in self.held]
        if name not in names:
            raise UsageError(f"unknown document {name!r}{nearest(name, names, f': there are {listed(names)}')}")
        return self.held[names.index(name)]

    def of_recording(self, path: Path) -> Document | None:
        """Return the document in whose folder a recording lies; it is evidence on the claims of that one alone."""
        folder = path.resolve().parent
        return next((one for one in self.held if one.recordings.resolve() == folder), None)

    def disagreeing(self, id: str) -> list[str]:
        """Return the claims of other documents that say otherwise, whichever of the two registers says so."""
        named_by = [other for other, claim in self.claims.items() if id in claim.disagrees]
        return list(dict.fromkeys((*self.claims[id].disagrees, *named_by)))


def read_documents(paths: Sequence[Path]) -> Documents:
    """Read the registers at ``paths``, one a document.

    Raises
    ------
    RecordingError
        A register cannot be read; no document has a claim; two have a claim of one id; or a folder's name cannot be
        the name of a document.
    """
    found = Documents(tuple(Document(path, read_register(path)) for path in paths))
    faults = [*_faults_of_names(found), *_claims_of_two(found), *_disagreements_with_none(found)]
    if not found.claims:
        faults.append(
            f"{listed([str(path) for path in paths])}: there is no claim yet: write one with llm-claims add ID"
        )
    if faults:
        raise RecordingError("\n".join(faults))
    return found


def _faults_of_names(found: Documents) -> Iterator[str]:
    for one in found.held if len(found.held) > 1 else ():
        if not is_name(one.name):
            yield f"{one.path}: rename the folder {one.name!r}: {NAME_RULE}"
    first: dict[str, Document] = {}
    for one in found.held:
        # One lies in the fixtures directly, the other in a folder that is called as they are.
        if (other := first.setdefault(one.name, one)) is not one:
            yield f"{other.path} and {one.path} are both of a document {one.name!r}: rename the folder of one"


def _claims_of_two(found: Documents) -> Iterator[str]:
    first: dict[str, Document] = {}
    for one in found.held:
        for id in one.register.claims:
            other = first.setdefault(id, one)
            if other is not one:
                yield f"{other.path} and {one.path} both have a claim {id!r}: give one of them another id"


def _disagreements_with_none(found: Documents) -> Iterator[str]:
    for one in found.held:
        for id, claim in one.register.claims.items():
            for other in claim.disagrees:
                if found.of_claim.get(other, one) is one:
                    near = nearest(other, found.claims.keys() - one.register.claims.keys())
                    yield f"{one.path}: claims.{id}.disagrees: {other!r} is no claim of another document{near}"

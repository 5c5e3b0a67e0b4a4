"""``llm-claims add ID``: a claim with its figures and a test to edit."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llm_claims.document.documents import Document, Documents
from llm_claims.document.files import write_atomically
from llm_claims.document.register import read_register
from llm_claims.document.validation import read_json, validated
from llm_claims.errors import UsageError
from llm_claims.evidence.evidence import Samples
from llm_claims.evidence.importers.digits import shown
from llm_claims.evidence.recordings import Recording, read_recording
from llm_claims.judging.completeness import strings_in
from llm_claims.judging.options import registers_in
from llm_claims.workloads.base import Workload
from llm_claims.workloads.outcome import first_fault
from llm_claims.workloads.registry import kind_named

ID = "[a-z0-9][a-z0-9-]*"
_FIGURE = re.compile(r"(?P<kind>[a-z]+)\((?P<fields>[^)]*)\)\.(?P<metric>\w+)(?:\s*=\s*(?P<value>[-+\d.eE]+))?")
EXAMPLE = "generation(new_tokens=64).latency_seconds=2.36"


@dataclass(frozen=True)
class Typed:
    """A figure as it was typed: ``KIND(FIELD=VALUE, …).METRIC=NUMBER``; ``text`` is the number, empty without one."""

    workload: Workload
    metric: str
    text: str

    def entry(self, place: str) -> dict[str, Any]:
        """The entry of a recording; the last digit that was typed is the resolution."""
        samples = Samples(
            unit=self.workload.metric(self.metric).unit,
            spread="printed",
            samples=(float(self.text),),
            resolution=float(shown(self.text)),
            place=place,
        )
        return {
            "workload": self.workload.model_dump(mode="json", exclude_none=True),
            "metrics": {self.metric: samples.model_dump(mode="json", exclude_none=True)},
            "provenance": {"kind": "reported", "hardware": "not stated", "date": date.today().isoformat()},
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command; what is not given is asked for at a terminal."""
    parser.add_argument("id", help="the claim's permanent id, such as latency-grows-with-input")
    parser.add_argument("--statement", help="the claim in your own words")
    parser.add_argument("--place", help="where the document makes it")
    parser.add_argument(
        "--figure",
        action="append",
        metavar="FIGURE",
        help=f"a figure of it: {EXAMPLE}; without =NUMBER if a recording has it; may repeat",
    )
    parser.add_argument("--recording", type=Path, help="the recording that takes the figures; made if there is none")
    parser.add_argument("--document", metavar="NAME", help="the document that makes it, if the suite has several")
    parser.add_argument(
        "--fixtures", type=Path, default=Path("fixtures"), help="the folder with claims.toml, or with the documents"
    )


def add(given: argparse.Namespace) -> None:
    """Write the claim, its figures and its test.

    Raises
    ------
    UsageError
        The id is taken or wrong, or a figure cannot be read; nothing is written then.
    RecordingError
        A file of the suite is faulty.
    """
    registers = registers_in(given.fixtures)
    # One whose only document has no claim yet is read as any other: this is its first.
    documents = Documents(tuple(Document(path, read_register(path)) for path in registers))
    document = _document(documents, given.document)
    if given.id in documents.claims or not re.fullmatch(ID, given.id):
        taken = given.id in documents.claims
        why = (
            f"there is a claim of this id{_whose(documents, given.id)}"
            if taken
            else "an id has lower-case words and hyphens"
        )
        raise UsageError(f"{given.id}: {why}")
    register = document.path
    statement = given.statement or _asked("--statement", "the claim, in your own words")
    place = given.place or _asked("--place", "where the document makes it")
    figures = [_typed(text) for text in given.figure or _asked_for_figures()]
    test = _folder_of_tests(documents, document) / f"test_{given.id.replace('-', '_')}.py"
    if test.exists():
        raise UsageError(f"{test}: there already")
    recording = given.recording or document.recordings / _recording_name(documents, document)
    new = [figure for figure in figures if figure.text]
    whole = _with(recording, new, place) if new else None
    if whole is not None:
        write_atomically(recording, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
        print(recording)
    block = f"\n[claims.{given.id}]\nstatement = {json.dumps(statement, ensure_ascii=False)}\n"
    write_atomically(register, register.read_text(encoding="utf-8").rstrip("\n") + "\n" + block)
    print(register)
    write_atomically(test, _test(given.id, place, figures), new=True)
    print(f"{test}: edit it, then: pytest {test}")


def _document(documents: Documents, name: str | None) -> Document:
    """Return the document of this name; without a name, the only one."""
    if name is not None:
        return documents.named(name)
    if len(documents.held) > 1:
        raise UsageError(f"say which document makes it: --document {' or '.join(one.name for one in documents.held)}")
    return documents.held[0]


def _whose(documents: Documents, id: str) -> str:
    return f" in {documents.of_claim[id].name}" if len(documents.held) > 1 else ""


def _recording_name(documents: Documents, document: Document) -> str:
    """The file that takes a document's figures: recordings of several documents must not share a name."""
    return f"{document.name.replace('_', '-')}.json" if len(documents.held) > 1 else "document.json"


def _folder_of_tests(documents: Documents, document: Document) -> Path:
    """Return where the document's tests are; for its first one, a folder beside those of another document."""
    folders = {one.name: _tested_in(one) for one in documents.held}
    if own := folders[document.name]:
        return own
    for name, folder in folders.items():
        if folder is not None:
            return (folder.parent if folder.name == name else folder) / document.name
    return Path("tests", document.name) if len(documents.held) > 1 else Path("tests")


def _tested_in(document: Document) -> Path | None:
    """Return the first folder with a test of one of a document's claims."""
    claims = document.register.claims
    return next((path.parent for path in sorted(Path("tests").rglob("test_*.py")) if strings_in(path, claims)), None)


def _asked(option: str, what: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"say {what}: {option} TEXT")
    while not (answer := input(f"{what}: ").strip()):
        pass
    return answer


def _asked_for_figures() -> list[str]:
    if not sys.stdin.isatty():
        return []
    found = []
    while answer := input(f"a figure ({EXAMPLE}), or nothing: ").strip():
        found.append(answer)
    return found


def _typed(text: str) -> Typed:
    found = _FIGURE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--figure {text}: write KIND(FIELD=VALUE, …).METRIC=NUMBER, such as {EXAMPLE}")
    try:
        kind = kind_named(found["kind"])
        workload = kind.model_validate(_fields(found["fields"]))
        typed = Typed(workload, found["metric"], found["value"] or "")
        kind.metric(typed.metric)
        if typed.text:
            typed.entry("")
    except ValidationError as error:
        raise UsageError(f"--figure {text}: {first_fault(error)}") from None
    except ValueError as error:
        raise UsageError(f"--figure {text}: {error}") from None
    return typed


def _fields(text: str) -> dict[str, Any]:
    found = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = item.partition("=")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found


def _with(path: Path, figures: Sequence[Typed], place: str) -> Mapping[str, Any]:
    """Return a recording's content with the figures added, or that of a new one if there is no file.

    A figure of a workload that has an entry joins that entry; whatever else the file holds stays.
    """
    if path.exists():
        read_recording(path)
        whole: dict[str, Any] = read_json(path)
    else:
        whole = {
            **{"schema_version": 2, "name": path.stem, "title": "Figures of the document", "documented": True},
            **{"recorded": date.today().isoformat(), "defaults": {}, "evidence": []},
        }
    for figure in figures:
        entry = figure.entry(place)
        same = [one for one in whole["evidence"] if one["workload"] == entry["workload"]]
        if same:
            same[0].setdefault("metrics", {}).update(entry["metrics"])
        else:
            whole["evidence"].append(entry)
        whole["defaults"].setdefault(figure.workload.kind, {"fields": {"kind": figure.workload.kind}})
    validated(Recording, whole, path)
    return whole


def _test(id: str, place: str, figures: Sequence[Typed]) -> str:
    kinds = sorted({type(figure.workload) for figure in figures}, key=lambda kind: kind.__name__)
    own = [kind for kind in kinds if not kind.__module__.startswith("llm_claims.")]
    judged, relation = _judged(figures)
    names = [*(kind.__name__ for kind in kinds if kind not in own), "claim", *relation]
    lines = [
        *(f"from {kind.__module__} import {kind.__name__}" for kind in own),
        *([""] if own else []),
        f"from llm_claims import {', '.join(sorted(names, key=lambda name: (name.islower(), name)))}",
        *("", ""),
        f"@claim({json.dumps(id)}, place={json.dumps(place, ensure_ascii=False)})",
        f"def test_{id.replace('-', '_')}(measure, judge):",
        *(f"    {_name(number)} = measure({_call(figure.workload)})" for number, figure in enumerate(figures)),
        f"    {judged}",
    ]
    return "\n".join(lines) + "\n"


def _judged(figures: Sequence[Typed]) -> tuple[str, tuple[str, ...]]:
    """What a test ends with, for its author to edit, and the names that it takes."""
    read = [f"{_name(number)}.{figure.metric}" for number, figure in enumerate(figures[:2])]
    if len(read) == 2:
        return f"judge(less({', '.join(read)}))  # say how they compare", ("less",)
    if read:
        (figure,) = figures
        unit = figure.workload.metric(figure.metric).unit
        return f'judge(equal({read[0]}, known({figure.text or 0}, "{unit}")))  # say what it has to be', (
            "equal",
            "known",
        )
    return 'raise NotImplementedError("measure what the claim is about, and judge it")', ()


def _call(workload: Workload) -> str:
    stated = workload.stated()
    fields = (
        f"{name}={json.dumps(value) if isinstance(value, str) else repr(value)}" for name, value in stated.items()
    )
    return f"{type(workload).__name__}({', '.join(fields)})"


def _name(number: int) -> str:
    return ("first", "second", "third", "fourth")[number] if number < 4 else f"number_{number + 1}"

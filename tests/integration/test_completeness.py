"""Register, tests and figures of this repository match one to one; the findings and the README tell what is judged."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llm_claims.evidence.recordings import Recording, read_recording

from . import real
from .miniature import REPOSITORY

HEAVY = ("torch", "transformers", "boto3", "sagemaker")
FINDINGS = (REPOSITORY / "docs/findings.md").read_text(encoding="utf-8")


def claims_of(name: str) -> dict[str, Any]:
    """The claims of a document, by id, read without our own code."""
    text = (REPOSITORY / f"fixtures/{name}/claims.toml").read_text(encoding="utf-8")
    claims: dict[str, Any] = tomllib.loads(text)["claims"]
    return claims


class Second(NamedTuple):
    """The second document: its claims by id, and its own figures."""

    claims: dict[str, Any]
    recording: Recording


SECOND = Second(
    claims_of("gpt_fast"),
    read_recording(REPOSITORY / "fixtures/gpt_fast/recordings/gpt-fast-2023.json"),
)
REPORTS = claims_of("reports")
"""Bug reports print no figures that could be judged: they have no recording of their own."""


@pytest.fixture(scope="module")
def register() -> dict[str, Any]:
    """The claims of the first document."""
    return claims_of("sagemaker_llama")


@pytest.fixture(scope="module")
def document(recorded: real.Run) -> Recording:
    """The document's own figures."""
    return read_recording(REPOSITORY / f"fixtures/sagemaker_llama/recordings/{real.DOCUMENT}.json")


@pytest.fixture(scope="module")
def accepted() -> list[str]:
    """The cases that somebody has accepted."""
    files = (REPOSITORY / "tests/claims/sagemaker_llama/__snapshots__").glob("*.ambr")
    return [
        name for path in files for name in re.findall(r"^# name: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def test_every_recorded_case_has_its_accepted_verdict(recorded: real.Run) -> None:
    assert recorded.status == pytest.ExitCode.OK, recorded.said


def test_every_reason_is_of_an_accepted_verdict() -> None:
    files = list((REPOSITORY / "tests/claims").glob("*/__reasons__/*.toml"))
    assert files
    for path in files:
        amber = path.parents[1] / "__snapshots__" / f"{path.stem}.ambr"
        names = set(re.findall(r"^# name: (.+)$", amber.read_text(encoding="utf-8"), re.MULTILINE))
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) - names == set(), path


def test_every_one_of_47_claims_has_a_test_a_place_and_a_case_on_every_source(
    register: dict[str, Any], recorded: real.Run
) -> None:
    assert len(register) == 47
    every = {*register, *SECOND.claims, *REPORTS}
    assert {case["id"] for case in recorded.cases} == every
    assert [case["nodeid"] for case in recorded.cases if not case["place"].strip()] == []
    by_source = {
        source: {case["id"] for case in recorded.cases if case["nodeid"].endswith(f"{source}]")}
        for source in (real.DOCUMENT, SECOND.recording.name, "cpu", "gpu", "sagemaker")
    }
    assert by_source.pop(real.DOCUMENT) == set(register)
    assert by_source.pop(SECOND.recording.name) == set(SECOND.claims)
    assert all(claims == every for claims in by_source.values())


def test_every_case_is_judged_under_a_name_of_its_own(register: dict[str, Any], recorded: real.Run) -> None:
    rows = recorded.rows()
    assert Counter((row["claim"], row["case"], row["source"]) for row in rows).most_common(1)[0][1] == 1
    assert {row["claim"] for row in rows if row["document"] == "sagemaker_llama"} == set(register)
    assert {row["claim"] for row in rows if row["document"] == "gpt_fast"} == set(SECOND.claims)
    selected = sum(case["nodeid"].endswith(f"{real.DOCUMENT}]") for case in recorded.cases)
    assert len(recorded.rows(real.DOCUMENT)) == selected
    assert "47 claims, " in recorded.said


def test_every_figure_and_every_failure_of_the_document_is_used_and_nothing_else(
    document: Recording, recorded: real.Run
) -> None:
    assert_used(document, recorded)
    assert_used(SECOND.recording, recorded)


def assert_used(document: Recording, recorded: real.Run) -> None:
    used = {(row["key"], row["metric"]) for row in recorded.rows(document.name, "figures.json")}
    there = {(entry.key, metric) for entry in document.evidence for metric in entry.metrics}
    failed = {(entry.key, "outcome") for entry in document.evidence if entry.outcome.kind != "completed"}
    assert failed
    assert there | failed <= used
    assert used <= there | {(entry.key, "outcome") for entry in document.evidence}


def test_what_the_document_cannot_judge_has_its_reason_in_the_register(
    register: dict[str, Any], recorded: real.Run
) -> None:
    words: dict[str, set[str]] = {}
    for row in recorded.rows(real.DOCUMENT):
        words.setdefault(row["claim"], set()).add(row["verdict"])
    never = {claim for claim, seen in words.items() if seen == {"untestable"}}
    assert never == {claim for claim, entry in register.items() if real.DOCUMENT in entry.get("untestable", {})}


def test_accepted_verdicts_are_those_of_tests_that_exist(accepted: list[str], recorded: real.Run) -> None:
    """Unused snapshots are not looked for while one source is judged at a time, so they are looked for here."""
    assert set(accepted) <= {case["nodeid"].rpartition("::")[2] for case in recorded.cases}
    assert len(set(accepted)) == len(accepted)
    of_document = [name for name in accepted if name.endswith(f"{real.DOCUMENT}]")]
    judged = [row for row in recorded.rows(real.DOCUMENT) if row["verdict"] != "untestable"]
    assert len(of_document) == len(judged) == 117


def test_the_findings_tell_of_every_recording_and_of_every_difference(recorded: real.Run) -> None:
    verdicts = {(row["claim"], row["case"], row["source"]): row["verdict"] for row in recorded.rows()}
    own = (real.DOCUMENT, SECOND.recording.name)
    different = {
        claim
        for (claim, case, source), verdict in verdicts.items()
        if verdict != "untestable"
        and {verdicts.get((claim, case, document), verdict) for document in own} - {"untestable", verdict}
    }
    assert different
    assert {claim for claim in different if f"`{claim}`" not in FINDINGS} == set()
    sources = {row["source"] for row in recorded.rows()}
    assert SECOND.recording.name in sources
    assert {source for source in sources if f"`{source}`" not in FINDINGS} == set()


def test_the_table_of_the_readme_is_the_real_one(recorded: real.Run) -> None:
    """Each line stands in the documentation as the suite prints it today; there, live verdicts follow."""
    text = (REPOSITORY / "docs/output.md").read_text(encoding="utf-8")
    lines = (re.split(r"  +", line) for line in text.splitlines())
    shown = {cells[0]: cells for cells in lines if len(cells) > 1}
    claims = {case["id"] for case in recorded.cases} - set(SECOND.claims)
    printed = [re.split(r"  +", line) for line in recorded.said.splitlines() if line.partition("  ")[0] in claims]
    assert {name for name, _ in printed} == claims
    for name, symbols in printed:
        assert shown[name][1].startswith(symbols)


def test_judging_recordings_imports_nothing_heavy(recorded: real.Run) -> None:
    assert recorded.sought(*HEAVY) == set()


def test_collecting_imports_nothing_heavy_and_no_numbers_either(tmp_path: Path) -> None:
    run = real.run(tmp_path, "tests/claims", "--collect-only")
    assert run.status == pytest.ExitCode.OK
    assert len(run.cases) > 4 * 47
    assert run.sought(*HEAVY, "numpy", "scipy", "jinja2") == set()

"""Register, tests and figures of this repository match one to one."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from typing import Any

import pytest

from llm_claims.evidence.recordings import Recording, read_recording
from llm_claims.sources.base import Placed

from . import real
from .miniature import REPOSITORY


@pytest.fixture(scope="module")
def register() -> dict[str, Any]:
    """The claims of the register, read without our own code."""
    claims: dict[str, Any] = tomllib.loads((REPOSITORY / "fixtures/claims.toml").read_text(encoding="utf-8"))["claims"]
    return claims


@pytest.fixture(scope="module")
def document() -> Recording:
    """The document's own figures."""
    return read_recording(real.DOCUMENT)


def test_every_recorded_case_has_its_accepted_verdict(recorded: real.Run) -> None:
    assert recorded.status == pytest.ExitCode.OK, recorded.said


def test_the_register_lists_47_claims(register: dict[str, Any]) -> None:
    assert len(register) == 47


def test_every_claim_of_the_register_has_a_test(register: dict[str, Any], recorded: real.Run) -> None:
    assert set(register) - {case["id"] for case in recorded.cases} == set()


def test_every_test_of_a_claim_is_in_the_register(register: dict[str, Any], recorded: real.Run) -> None:
    assert {case["id"] for case in recorded.cases} - set(register) == set()


def test_every_test_of_the_suite_is_that_of_a_claim(recorded: real.Run) -> None:
    assert "no tests ran" not in recorded.said
    selected = sum(case["nodeid"].endswith("document-2023]") for case in recorded.cases)
    assert len(recorded.report("verdicts.json")) == selected


def test_every_claim_has_a_place(recorded: real.Run) -> None:
    assert [case["nodeid"] for case in recorded.cases if not case["place"].strip()] == []


def test_all_47_claims_are_judged(register: dict[str, Any], recorded: real.Run) -> None:
    rows = recorded.report("verdicts.json")
    assert {row["claim"] for row in rows} == set(register)
    assert "47 claims, " in recorded.said


def test_no_two_cases_share_a_name(recorded: real.Run) -> None:
    names = Counter((row["claim"], row["case"], row["source"]) for row in recorded.report("verdicts.json"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_claim_is_asked_of_every_source(register: dict[str, Any], recorded: real.Run) -> None:
    asked = {(case["id"], case["nodeid"].rstrip("]").partition("[")[2]) for case in recorded.cases}
    for source in ("document-2023", "cpu", "gpu", "sagemaker"):
        assert {claim for claim, case in asked if case.endswith(source)} == set(register)


def test_every_figure_of_the_document_is_used(document: Recording, recorded: real.Run) -> None:
    used = {(row["key"], row["metric"]) for row in recorded.report("figures.json")}
    unused = [
        (entry.workload.describe(), entry.instance_type, metric)
        for entry in document.evidence
        for metric in entry.metrics
        if (Placed(entry.workload, entry.instance_type).key, metric) not in used
    ]
    assert unused == []


def test_every_failure_of_the_document_is_used(document: Recording, recorded: real.Run) -> None:
    used = {row["key"] for row in recorded.report("figures.json") if row["metric"] == "outcome"}
    failed = [entry for entry in document.evidence if entry.outcome.kind != "completed"]
    assert failed
    assert [e.workload.describe() for e in failed if Placed(e.workload, e.instance_type).key not in used] == []


def test_every_figure_used_is_one_of_the_document(document: Recording, recorded: real.Run) -> None:
    there = {
        (Placed(entry.workload, entry.instance_type).key, metric)
        for entry in document.evidence
        for metric in ("outcome", *entry.metrics)
    }
    assert {(row["key"], row["metric"]) for row in recorded.report("figures.json")} <= there


def test_what_the_document_cannot_judge_has_its_reason_in_the_register(
    register: dict[str, Any], recorded: real.Run
) -> None:
    words: dict[str, set[str]] = {}
    for row in recorded.report("verdicts.json"):
        words.setdefault(row["claim"], set()).add(row["verdict"])
    never = {claim for claim, seen in words.items() if seen == {"untestable"}}
    assert never == {claim for claim, entry in register.items() if "document-2023" in entry.get("untestable", {})}


def test_accepted_verdicts_are_those_of_tests_that_exist(all_recorded: real.Run) -> None:
    names = {case["nodeid"].rpartition("::")[2] for case in all_recorded.cases}
    accepted = [
        line.removeprefix("# name: ")
        for path in (REPOSITORY / "tests/claims/__snapshots__").glob("*.ambr")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("# name: ")
    ]
    assert accepted
    assert set(accepted) <= names
    assert json.dumps(sorted(accepted)) == json.dumps(sorted(set(accepted)))


def test_every_accepted_verdict_belongs_to_a_case(all_recorded: real.Run) -> None:
    """Unused snapshots are not looked for while one source is judged at a time, so they are looked for here."""
    cases = {case["nodeid"].rpartition("::")[2] for case in all_recorded.cases}
    for path in sorted((real.REPOSITORY / "tests/claims/__snapshots__").glob("*.ambr")):
        accepted = re.findall(r"^# name: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(accepted) <= cases, path.name


def test_every_judged_case_of_the_document_is_accepted(recorded: real.Run) -> None:
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((real.REPOSITORY / "tests/claims/__snapshots__").glob("*.ambr"))
    )
    accepted = [name for name in re.findall(r"^# name: (.+)$", text, re.MULTILINE) if name.endswith("document-2023]")]
    judged = [row for row in recorded.report("verdicts.json") if row["verdict"] != "untestable"]
    assert len(accepted) == len(judged) == 117

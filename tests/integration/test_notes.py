"""What a measurement is an analogue of is told wherever its verdict is told."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from llm_claims.workloads.loading.defaults import LoadingDefaults
from llm_claims.workloads.loading.workload import Loading

from .conftest import Ran
from .miniature import PROVENANCE, Miniature, recording

ANALOGUES = {"host_memory_to_weights": {"g5.xlarge": 1.185}}
_, _, NOTE = LoadingDefaults.model_validate(ANALOGUES).analogue(Loading(), "g5.xlarge")
RECORDED = ("test_loading.py", "-m", "cpu and not live")

LOADS = """\
@claim("input-costs", place="text")
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_it_loads(measure, judge, precision):
    judge(outcome(measure(Loading(precision=precision), on="g5.xlarge"), "completed"))
"""
ACCEPTED = {f"test_it_loads[{precision}-paper]": "reproduced" for precision in ("fp16", "bf16")}


@pytest.fixture
def capped(suite: Miniature) -> Miniature:
    """A suite whose recording has a cap on host memory where a case asks for an instance type; bf16 ran out."""
    whole = recording()
    whole["defaults"]["loading"] = {"fields": {"kind": "loading"}, **ANALOGUES}
    for precision, outcome in (("fp16", {}), ("bf16", {"kind": "out_of_memory", "signature": "killed by the kernel"})):
        workload = {"kind": "loading", "precision": precision, "host_memory_to_weights": 1.185}
        whole["evidence"].append({"workload": workload, "outcome": outcome, "provenance": PROVENANCE})
    suite.write_recording(whole)
    suite.write_test(LOADS, "test_loading.py")
    return suite


def test_it_is_told_wherever_a_verdict_is(capped: Miniature) -> None:
    """In each row, once a claim in the closing lines, beside claim and cases on the page, and in JUnit."""
    assert NOTE.startswith("an analogue of g5.xlarge: ")
    capped.accept({**ACCEPTED, "test_it_loads[bf16-paper]": "contradicted"}, "test_loading")
    result = capped.run(*RECORDED, "--junitxml=junit.xml", "-v")
    result.assert_outcomes(passed=1, xfailed=1, deselected=6)
    assert {row["note"] for row in capped.rows().values()} == {NOTE}
    told = [line for line in result.outlines if line.startswith("analogue: ")]
    assert told == [f"analogue: input-costs, paper: {NOTE}"]
    page = (capped.path / "report/part/index.html").read_text(encoding="utf-8")
    assert page.count(f"<i>{NOTE}</i>") == 2
    notes = ElementTree.parse(capped.path / "junit.xml").iterfind(".//testcase//property[@name='note']")
    assert [note.get("value") for note in notes] == [NOTE, NOTE]


def test_a_changed_verdict_is_told_with_it(capped: Miniature) -> None:
    capped.accept(ACCEPTED, "test_loading")
    result = capped.run(*RECORDED)
    result.assert_outcomes(passed=1, failed=1, deselected=6)
    result.stdout.fnmatch_lines([f"*on paper: reproduced → contradicted*; {NOTE})"])


def test_what_is_no_analogue_has_no_note(ran: Ran) -> None:
    assert {row["note"] for row in ran.suite.rows().values()} == {""}
    ran.result.stdout.no_fnmatch_line("analogue: *")

"""Plugins that repeat tests: rows and figures are those of the last attempt, and the report says so."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from ..miniature import Miniature, assert_refused

QUICK = ("-m", "cpu and not live")
# What pytest-rerunfailures does to a test that failed, in short.
AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in (1, 2):
        if attempt == 2:
            item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if attempt == 1 and report.when == "call":
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""


ONCE = """
import pytest

@pytest.fixture(autouse=True)
def once(request, seen=set()):
    assert request.node.name not in seen
    seen.add(request.node.name)
"""


def test_the_last_attempt_counts(suite: Miniature) -> None:
    suite.run(*QUICK)
    once = suite.rows(), (suite.path / "report/figures.json").read_bytes()
    suite.write("conftest.py", AGAIN)
    result = suite.run(*QUICK)
    result.stdout.fnmatch_lines(["cases judged more than once: 5; the last attempt counts"])
    assert (suite.rows(), (suite.path / "report/figures.json").read_bytes()) == once


def test_a_last_attempt_that_fails_is_an_error(suite: Miniature) -> None:
    suite.write("conftest.py", AGAIN + ONCE)
    suite.run(*QUICK, "-k", "zero1")
    row = suite.rows()["zero1-faster", "", "paper"]
    assert (row["verdict"], row["reason"][:14]) == ("error", "set-up failed:")
    assert json.loads((suite.path / "report/part/figures.json").read_text(encoding="utf-8")) == []


COUNT = """
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("__pytest_repeat_step_number")
    metafunc.parametrize("__pytest_repeat_step_number", range(2), ids=["1-2", "2-2"])
"""


def test_repeating_under_other_names_is_refused(suite: Miniature) -> None:
    suite.write("conftest.py", COUNT)
    assert_refused(suite.run(*QUICK), "test_claims.py::test_longer_prompts[", "--count repeats a case")


def test_two_tests_of_one_case_are_refused(suite: Miniature) -> None:
    suite.write_test('@claim("zero1-faster", place="1")\ndef test_again(measure, judge):\n    pass\n', "test_again.py")
    assert_refused(suite.run(*QUICK), "test_again.py::test_again[", "test_claims.py::test_zero1[", "are both zero1-")


def test_junit_has_each_part_of_a_row(suite: Miniature) -> None:
    suite.run(*QUICK, "--junitxml=junit.xml")
    cases = {case.get("name"): case for case in ElementTree.parse(suite.path / "junit.xml").iter("testcase")}
    held = {one.get("name"): one.get("value") for one in cases["test_batch_of_eight[paper]"].iter("property")}
    row = suite.rows()["batch-is-free", "", "paper"]
    assert held == {
        "claim": "batch-is-free",
        "case": "",
        "source": "paper",
        "verdict": "contradicted",
        "effect": str(row["effect"]),
        "interval": str(row["interval"]),
        "n": "1",
        "smallest": str(row["smallest"]),
        "reason": "the rise exceeds the margin of 10.0%",
        "spread": "",
        "note": "",
        "place": "table 2",
        "accepted": str(row["accepted"]),
        "because": "",
    }

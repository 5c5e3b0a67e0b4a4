"""A run that judges a part of the suite says so everywhere, and its report replaces no whole one."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import jsonschema
import pytest

from ..miniature import ACCEPTED, REPOSITORY, TESTS, Miniature

QUICK = ("-m", "cpu and not live")
WORDS = "this run judged a part of the suite, and so does its report: "
PARTS = {
    "keyword": (("-k", "tokens"), "4 cases of paper left out"),
    "claim": (("--claim", "input-costs"), "3 cases of paper left out"),
    "deselect": (("--deselect", "test_claims.py::test_zero1"), "1 case of paper left out"),
    "id": (("test_claims.py::test_longer_prompts[new64-paper]",), "4 cases of paper left out"),
}


@pytest.mark.parametrize("which", PARTS)
def test_a_part_says_so_and_replaces_nothing(suite: Miniature, which: str) -> None:
    suite.run(*QUICK)
    whole = (suite.path / "report/verdicts.json").read_bytes()
    arguments, why = PARTS[which]
    result = suite.run(*QUICK, *arguments, "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([WORDS + why, f"report: {suite.path}/report/part/index.html, verdicts.json"])
    assert (suite.path / "report/verdicts.json").read_bytes() == whole
    page = (suite.path / "report/part/index.html").read_text(encoding="utf-8")
    assert "a part</h1>" in page
    assert why in page
    held = {one.get("name"): one.get("value") for one in ElementTree.parse(suite.path / "junit.xml").iter("property")}
    assert held["llm_claims_part"] == why
    schema = json.loads((REPOSITORY / "fixtures/schemas/verdicts.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((suite.path / "report/part/verdicts.json").read_text(encoding="utf-8")), schema)


def test_claims_of_a_file_that_is_not_named(suite: Miniature) -> None:
    suite.write(
        "test_zero1.py",
        "from llm_claims"
        + TESTS.partition("from llm_claims")[2].partition("\n")[0]
        + "\n"
        + "\n@claim"
        + TESTS.rpartition("@claim")[2],
    )
    suite.write("test_claims.py", TESTS.rpartition("@claim")[0])
    result = suite.run(*QUICK, "test_claims.py")
    result.stdout.fnmatch_lines([f"{WORDS}1 claim not collected"])


@pytest.mark.parametrize("expression", ["cpu", "cpu and not live", "live", "gpu"])
def test_whole_sources_are_no_part(suite: Miniature, expression: str) -> None:
    result = suite.run("-m", expression)
    result.stdout.no_fnmatch_line(f"{WORDS}*")
    result.stdout.fnmatch_lines([f"report: {suite.path}/report/index.html, verdicts.json"])


def test_workers_know_a_part(suite: Miniature) -> None:
    result = suite.run(*QUICK, "-k", "tokens", "-n", "2")
    result.stdout.fnmatch_lines([f"{WORDS}4 cases of paper left out"])


def test_last_failed_is_a_part(suite: Miniature) -> None:
    suite.accept({name: line if "zero1" in name else "weakened 9 [8, 10]" for name, line in ACCEPTED.items()})
    suite.run(*QUICK)
    result = suite.run(*QUICK, "--lf")
    result.stdout.fnmatch_lines([f"{WORDS}1 case of paper left out"])


def test_a_recording_of_a_part_is_incomplete(suite: Miniature) -> None:
    suite.run("-m", "cpu and live", "test_claims.py::test_twice_the_tokens[cpu]", "--record", "bench.json")
    assert json.loads((suite.path / "bench.json").read_text(encoding="utf-8"))["complete"] is False

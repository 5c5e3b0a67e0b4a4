"""Options have a prefix; the short form of one that a conftest or another plugin defines is left to that."""

from __future__ import annotations

import pytest

from llm_claims.judging.options import _OPTIONS

from ..miniature import Miniature

QUICK = ("-m", "cpu and not live")
THEIRS = """
def pytest_addoption(parser):
    parser.addoption("--{name}", default="theirs")

def pytest_report_header(config):
    return "theirs: " + str(config.getoption("--{name}"))
"""


@pytest.mark.parametrize("name", _OPTIONS)
def test_a_conftest_keeps_its_option(suite: Miniature, name: str) -> None:
    suite.write("conftest.py", THEIRS.format(name=name))
    result = suite.run(*QUICK, f"--{name}", "new", "--collect-only", "-q", "--verbosity=0")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(["theirs: new", f"llm-claims: --claims-{name} (--{name} is another's)"])


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_plugin_keeps_its_option(suite: Miniature, order: str) -> None:
    assert suite.pytester is not None
    suite.pytester.syspathinsert()
    suite.write("theirs.py", THEIRS.format(name="record"))
    suite.write("conftest.py", "pytest_plugins = ['theirs']\n" if order == "after" else "")
    result = suite.run(*(() if order == "after" else ("-p", "theirs")), *QUICK, "--claims-claim=zero1-faster")
    result.assert_outcomes(passed=1, deselected=19)
    result.stdout.fnmatch_lines(["theirs: theirs"])


def test_both_names_do_the_same(suite: Miniature) -> None:
    for option in ("--claim", "--claims-claim"):
        suite.run(*QUICK, option, "zero1-faster").assert_outcomes(passed=1, deselected=19)
    suite.run(*QUICK, "--claim", "zero1-faster", "--claims-claim=tokens-double").assert_outcomes(
        passed=2, deselected=18
    )


def test_help_shows_the_names_that_always_work(suite: Miniature) -> None:
    text = suite.run("--help").stdout.str()
    for name in set(_OPTIONS) - {"reuse-evidence"}:
        assert f"--claims-{name}" in text
    assert "--record is short for --claims-record" in text


def test_the_value_of_a_short_form_is_no_path_of_tests(suite: Miniature) -> None:
    """A conftest below the folder of tests adds an option; a recording lies elsewhere."""
    suite.write("tests/conftest.py", "def pytest_addoption(parser):\n    parser.addoption('--theirs')\n")
    path = suite.write_recording(name="elsewhere/paper.json")
    result = suite.run(*QUICK, "--recording", str(path.relative_to(suite.path)), "--theirs", "x")
    result.assert_outcomes(passed=4, xfailed=1, deselected=15)

"""No mark, fixture or call hides a claim: each is refused, or the case is an error and the run fails."""

from __future__ import annotations

import pytest

from ..miniature import ALSO_WITH_WORKERS, Miniature, assert_refused

QUICK = ("-m", "cpu and not live")
BODY = """
{head}
@claim("tokens-double", place="table 1")
{mark}
def test_hidden(measure, judge{more}):
    {line}
    few, many = (measure(Generation(input_tokens=10, new_tokens=n)).latency_seconds for n in (64, 128))
    judge(less(few, many))
"""


def write(suite: Miniature, *, head: str = "", mark: str = "", more: str = "", line: str = "pass") -> None:
    """Write another test of a claim, in place of its own; the other claims stand in the old module, and no more."""
    suite.write_test(BODY.format(head=head, mark=mark, more=more, line=line), "test_hidden.py")
    suite.write("test_claims.py", "HELD = 'input-costs', 'batch-is-free', 'zero1-faster'\n")
    suite.accept({})


MARKS = {
    "xfail": "@pytest.mark.xfail(reason='known')",
    "skip": "@pytest.mark.skip(reason='known')",
    "skipif": "@pytest.mark.skipif(False, reason='known')",
    "empty": "@pytest.mark.parametrize('n', [])",
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_refused_when_tests_are_collected(suite: Miniature, mark: str) -> None:
    more = ", n" if mark == "empty" else ""
    write(suite, mark=MARKS[mark], more=more)
    assert_refused(
        suite.run("test_hidden.py", *QUICK), "test_hidden.py::test_hidden[", "accepted by review, not hidden"
    )


LATE = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xfail)
"""


@ALSO_WITH_WORKERS
def test_a_mark_that_is_added_later_is_refused_too(suite: Miniature, workers: tuple[str, ...]) -> None:
    suite.write("conftest.py", LATE.replace("def py", "@pytest.hookimpl(trylast=True)\ndef py"))
    assert_refused(suite.run(*QUICK, *workers), "test_claims.py::test_", "marked xfail", "accepted by review")


def test_a_method_of_unittest_is_refused(suite: Miniature) -> None:
    body = 'class TestIt(unittest.TestCase):\n    @claim("input-costs", place="1")\n    def test_it(self): pass\n'
    suite.write_test(f"import unittest\n{body}", "test_unit.py")
    assert_refused(suite.run("test_unit.py"), "test_unit.py::TestIt::test_it", "unittest gives it no measure")


FIXTURE = "@pytest.fixture\ndef given(request):\n    {line}\n\n"
HIDDEN = {
    # where, what it says: the reason in the row
    "skips": ("pytest.skip('not today')", "skipped before it was judged: not today"),
    "gives up": ("pytest.xfail('not today')", "set-up failed: XFailed: not today"),
    "breaks": ("raise ValueError('broken')", "set-up failed: ValueError: broken"),
    "marks": ("request.node.add_marker(pytest.mark.xfail(run=False))", "failed before it was judged: XFailed: "),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_fixture_that_ends_a_test_makes_an_error(suite: Miniature, how: str) -> None:
    line, reason = HIDDEN[how]
    write(suite, head=FIXTURE.format(line=line), more=", given")
    result = suite.run("test_hidden.py", *QUICK)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    ended = {"failed": 1} if how == "marks" else {"errors": 1}
    result.assert_outcomes(**ended, deselected=3)
    row = suite.rows()["tokens-double", "", "paper"]
    assert row["verdict"] == "error"
    assert row["reason"].startswith(reason)


@pytest.mark.parametrize("line", ["pytest.xfail('no')", "pytest.skip('no')", "pytest.importorskip('no_such_thing')"])
def test_a_body_that_gives_up_fails(suite: Miniature, line: str) -> None:
    write(suite, line=line)
    result = suite.run("test_hidden.py", *QUICK)
    result.assert_outcomes(failed=1, deselected=3)
    assert suite.words("paper") == {("tokens-double", ""): "error"}


def test_a_mark_that_a_fixture_adds_hides_no_failure(suite: Miniature) -> None:
    write(suite, head=FIXTURE.format(line="request.node.add_marker(pytest.mark.xfail)"), more=", given")
    suite.accept({"test_hidden[paper]": "contradicted"}, "test_hidden")
    result = suite.run("test_hidden.py", *QUICK)
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["tokens-double on paper: contradicted → reproduced*"])


def test_a_plugin_that_runs_a_test_otherwise_hides_nothing(suite: Miniature) -> None:
    suite.write("conftest.py", "def pytest_runtest_protocol(item, nextitem):\n    return True\n")
    result = suite.run(*QUICK)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["error: no verdict, and no failure either: input-costs [[]new64[]] on paper, *"])
    assert set(suite.words("paper").values()) == {"error"}


def test_a_teardown_that_fails_leaves_the_verdict_and_fails_the_run(suite: Miniature) -> None:
    write(suite, head="@pytest.fixture\ndef given():\n    yield\n    raise ValueError\n\n", more=", given")
    suite.accept({"test_hidden[paper]": "reproduced 1.958 [1.951, 1.964]"}, "test_hidden")
    result = suite.run("test_hidden.py", *QUICK)
    result.assert_outcomes(passed=1, errors=1, deselected=3)
    assert suite.words("paper") == {("tokens-double", ""): "reproduced"}


def test_a_mark_on_the_module_is_refused(suite: Miniature) -> None:
    write(suite, head="pytestmark = pytest.mark.xfail")
    assert_refused(suite.run("test_hidden.py", *QUICK), "test_hidden.py::test_hidden[", "marked xfail")


def test_a_module_that_skips_itself_fails_the_run(suite: Miniature) -> None:
    write(suite, head="pytest.skip('not today', allow_module_level=True)")
    body = 'def test_it(measure, judge):\n    raise Untestable("no")\n'
    suite.write_test(f'@claim("input-costs", place="1")\n{body}', "test_it.py")
    result = suite.run(*QUICK)
    result.assert_outcomes(skipped=2, deselected=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["error: */test_hidden.py skips itself (not today), and with it tokens-double: *"])


def test_accepted_contradictions_pass_with_runxfail(suite: Miniature) -> None:
    suite.run(*QUICK, "--runxfail").assert_outcomes(passed=4, xfailed=1, deselected=15)

"""``--claim ID`` judges that claim alone."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused, ids

SECOND = """\
@claim("tokens-double", place="text")
@pytest.mark.parametrize("place", ["text"])
def test_more_tokens(measure, judge, place):
    few, many = (measure(Generation(new_tokens=n)) for n in (64, 128))
    judge(less(few.latency_seconds, many.latency_seconds))


def test_plain():
    raise AssertionError
"""


def test_only_that_claim_is_judged_and_nothing_else_is_measured(suite: Miniature) -> None:
    result = suite.run("--claim", "tokens-double", "-m", "cpu")
    result.assert_outcomes(passed=2, deselected=18)
    assert set(suite.rows()) == {("tokens-double", "", "paper"), ("tokens-double", "", "cpu")}
    assert {(inputs, new) for _, inputs, new, _ in suite.program.asked} == {(10, 64), (10, 128)}


def test_it_may_repeat_and_every_test_of_a_claim_is_judged_and_no_other(suite: Miniature) -> None:
    suite.write_test(SECOND, "test_second.py")
    found = ids(suite.run("--collect-only", "-q", "--claim", "tokens-double", "--claim=zero1-faster", "-m", "not live"))
    assert found == ["test_twice_the_tokens[paper]", "test_zero1[paper]", "test_more_tokens[text-paper]"]


@pytest.mark.parametrize("more", [(), ("--collect-only",), ("-n", "2")], ids=" ".join)
def test_an_unknown_claim_is_refused(suite: Miniature, more: tuple[str, ...]) -> None:
    result = suite.run("--claim", "token-double", *more)
    assert_refused(result, "unknown claim id 'token-double'", "did you mean tokens-double?")
    assert suite.program.log == []


def test_an_id_like_no_other_has_no_proposal_and_ends_the_process_as_a_usage_error(suite: Miniature) -> None:
    result = suite.run_apart("--claim", "xyz")
    assert_refused(result, "unknown claim id 'xyz'")
    result.stderr.no_fnmatch_line("*did you mean*")

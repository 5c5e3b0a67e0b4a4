"""``--claim ID`` judges that claim alone."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused, ids


def test_only_that_claim_is_judged(suite: Miniature) -> None:
    result = suite.run("--claim", "tokens-double", "-m", "cpu")
    result.assert_outcomes(passed=2, deselected=18)
    assert set(suite.rows()) == {("tokens-double", "", "paper"), ("tokens-double", "", "cpu")}


def test_it_may_repeat(suite: Miniature) -> None:
    found = ids(suite.run("--collect-only", "-q", "--claim", "tokens-double", "--claim=zero1-faster", "-m", "gpu"))
    assert found == ["test_twice_the_tokens[gpu]", "test_zero1[gpu]"]


def test_every_test_of_the_claim_is_judged(suite: Miniature) -> None:
    suite.write_test(
        '@claim("tokens-double", place="text")\n'
        "def test_more_tokens(measure, judge):\n"
        "    few, many = (measure(Generation(new_tokens=n)) for n in (64, 128))\n"
        "    judge(less(few.latency_seconds, many.latency_seconds))\n",
        "test_second.py",
    )
    found = ids(suite.run("--collect-only", "-q", "--claim", "tokens-double", "-m", "cpu and not live"))
    assert found == ["test_twice_the_tokens[paper]", "test_more_tokens[paper]"]


def test_tests_without_a_claim_are_left_out(suite: Miniature) -> None:
    suite.write_test("def test_plain():\n    raise AssertionError\n", "test_plain.py")
    result = suite.run("--claim", "zero1-faster", "-m", "not live")
    result.assert_outcomes(passed=1, deselected=20)


def test_nothing_else_is_measured(suite: Miniature) -> None:
    suite.run("--claim", "tokens-double", "-m", "cpu")
    assert {(inputs, new) for _, inputs, new, _ in suite.program.asked} == {(10, 64), (10, 128)}


@pytest.mark.parametrize("more", [(), ("-m", "cpu"), ("--collect-only",), ("-n", "2")], ids=" ".join)
def test_an_unknown_claim_is_refused(suite: Miniature, more: tuple[str, ...]) -> None:
    result = suite.run("--claim", "token-double", *more)
    assert_refused(result, "unknown claim id 'token-double'", "did you mean tokens-double?")
    assert suite.program.log == []


def test_an_unknown_claim_ends_the_process_as_a_usage_error(suite: Miniature) -> None:
    assert_refused(suite.run_apart("--claim", "nothing"), "unknown claim id 'nothing'")


def test_an_id_like_no_other_has_no_proposal(suite: Miniature) -> None:
    result = suite.run("--claim", "xyz")
    assert_refused(result, "unknown claim id 'xyz'")
    result.stderr.no_fnmatch_line("*did you mean*")

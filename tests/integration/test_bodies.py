"""A claim's test that is written wrongly is told so, and is never a verdict."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused

HEAD = '@claim("input-costs", place="table 1")\n'
PAIR = "    short, long = (measure(Generation(input_tokens=n)).latency_seconds for n in (10, 750))\n"
RECORDED = ("test_body.py", "-m", "cpu and not live")


def run(suite: Miniature, body: str, *arguments: str) -> pytest.RunResult:
    suite.write_test(body, "test_body.py")
    return suite.run(*(arguments or RECORDED))


def assert_error(suite: Miniature, result: pytest.RunResult, words: str) -> None:
    """The case failed with these words, and its row is an error with them."""
    result.assert_outcomes(failed=1, deselected=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    row = suite.rows()["input-costs", "", "paper"]
    assert (row["verdict"], row["effect"]) == ("error", None)
    assert words in row["reason"]
    result.stdout.fnmatch_lines([f"input-costs on paper: *{words}*".replace("[", "[[]")])


@pytest.mark.parametrize("line", ["    pass\n", "    measure(Generation())\n", PAIR + "    less(short, long)\n"])
def test_nothing_judged(suite: Miniature, line: str) -> None:
    result = run(suite, f"{HEAD}def test_body(measure, judge):\n{line}")
    assert_error(suite, result, "the test judged nothing")


def test_judged_twice(suite: Miniature) -> None:
    judge = "    judge(less(short, long))\n"
    result = run(suite, f"{HEAD}def test_body(measure, judge):\n{PAIR}{judge}{judge}")
    assert_error(suite, result, "judge() was called twice: join relations with every(), or parametrize the test")


@pytest.mark.parametrize("what", ["True", "'less'", "None", "short", "less", "[less(short, long)]"])
def test_judged_something_else_than_a_relation(suite: Miniature, what: str) -> None:
    result = run(suite, f"{HEAD}def test_body(measure, judge):\n{PAIR}    judge({what})\n")
    assert_error(suite, result, "judge() takes a relation (equal, every, flat, increasing, less, ")


def test_an_unknown_relation(suite: Miniature) -> None:
    result = run(suite, "from llm_claims import larger\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*cannot import name 'larger' from 'llm_claims'*"])


WRONG = {
    "metric": ("    judge(measure(Generation()).smell)\n", "no metric 'smell'; known are "),
    "field": ("    measure(Generation(input_token=10))\n", "input_token"),
    "value": ("    measure(Generation(precision='int4'))\n", "'fp32', 'bf16' or 'fp16'"),
    "assertion": ("    assert 1 == 2, 'the sums are off'\n", "the sums are off"),
    "factor": (PAIR + "    judge(ratio(long, over=short, documented=0.5))\n", "write the larger quantity first"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_body_that_raises_fails_with_its_words_and_so_does_its_row(suite: Miniature, kind: str) -> None:
    line, words = WRONG[kind]
    result = run(suite, f"{HEAD}def test_body(measure, judge):\n{line}")
    result.assert_outcomes(failed=1, deselected=3)
    assert words in result.stdout.str()
    row = suite.rows()["input-costs", "", "paper"]
    assert (row["verdict"], row["effect"]) == ("error", None)
    assert words in row["reason"]


@pytest.mark.parametrize("line", ["    judge(1)\n", "    raise ValueError('no')\n"], ids=["judge", "raise"])
def test_a_body_that_fails_after_its_verdict_has_no_verdict(suite: Miniature, line: str) -> None:
    run(suite, f"{HEAD}def test_body(measure, judge):\n{PAIR}    judge(less(short, long))\n{line}")
    assert suite.words("paper") == {("input-costs", ""): "error"}


def test_an_unknown_instance_type(suite: Miniature) -> None:
    assert_error(
        suite,
        run(suite, f"{HEAD}def test_body(measure, judge):\n    measure(Generation(), on='g9.huge')\n"),
        "unknown instance type 'g9.huge': known are g5.2xlarge, g5.xlarge",
    )


def test_neither_fixture(suite: Miniature) -> None:
    result = run(suite, f"{HEAD}def test_body():\n    pass\n")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["a claim's test takes the fixtures measure and judge"])


def test_no_claim(suite: Miniature) -> None:
    result = run(suite, "def test_body(measure, judge):\n    pass\n", "test_body.py")
    result.assert_outcomes(errors=1)
    assert "test_body.py::test_body: measure and judge need a test marked with @claim" in result.stdout.str()


UNKNOWN = '@claim("input-cost", place="table 1")\ndef test_body(measure, judge):\n    pass\n'


def test_an_unknown_claim_is_a_usage_error(suite: Miniature) -> None:
    assert_refused(
        run(suite, UNKNOWN, "test_body.py"),
        "test_body.py::test_body",
        "unknown claim id 'input-cost': did you mean input-costs?",
    )


def test_a_claim_has_a_place(suite: Miniature) -> None:
    result = run(suite, '@claim("input-costs")\ndef test_body(measure, judge):\n    pass\n', "test_body.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "missing 1 required keyword-only argument: 'place'" in result.stdout.str()

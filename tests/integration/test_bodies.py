"""A claim's test that is written wrongly is told so, and is never a verdict."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused

HEAD = '@claim("input-costs", place="table 1")\n'
PAIR = "    short, long = (measure(Generation(input_tokens=n)).latency_seconds for n in (10, 750))\n"
JUDGE = "    judge(less(short, long))\n"
NOT_A_RELATION = "judge() takes a relation (equal, every, flat, increasing, less, "

# The body of a test, and words of the reason.
BODIES = {
    "empty": ("    pass\n", "the test judged nothing"),
    "measured": ("    measure(Generation())\n", "the test judged nothing"),
    "compared": (PAIR + "    less(short, long)\n", "the test judged nothing"),
    "twice": (PAIR + JUDGE + JUDGE, "judge() was called twice: join relations with every(), or parametrize the test"),
    "a-truth": (PAIR + "    judge(True)\n", NOT_A_RELATION),
    "a-quantity": (PAIR + "    judge(short)\n", NOT_A_RELATION),
    "a-relation-to-be": (PAIR + "    judge(less)\n", NOT_A_RELATION),
    "relations": (PAIR + "    judge([less(short, long)])\n", NOT_A_RELATION),
    "instance": (
        "    measure(Generation(), on='g9.huge')\n",
        "unknown instance type 'g9.huge': known are g5.2xlarge, g5",
    ),
    "metric": ("    judge(measure(Generation()).smell)\n", "no metric 'smell'; it has "),
    "field": ("    measure(Generation(input_token=10))\n", "input_token"),
    "value": ("    measure(Generation(precision='int4'))\n", "'fp32', 'bf16' or 'fp16'"),
    "assertion": ("    assert 1 == 2, 'the sums are off'\n", "the sums are off"),
    "factor": (PAIR + "    judge(ratio(long, over=short, documented=0.5))\n", "write the larger quantity first"),
    "judges-on": (PAIR + JUDGE + "    judge(1)\n", NOT_A_RELATION),
    "raises-then": (PAIR + JUDGE + "    raise ValueError('no')\n", "ValueError: no"),
    "skips": ("    pytest.skip('not today')\n", "Skipped: not today"),
}


def test_a_wrong_body_is_an_error_with_its_reason_and_so_is_its_row(suite: Miniature) -> None:
    bodies = [
        f"{HEAD}@pytest.mark.parametrize('body', ['{name}'])\ndef test_{n}(measure, judge, body):\n{lines}\n\n"
        for n, (name, (lines, _)) in enumerate(BODIES.items())
    ]
    suite.write_test("".join(bodies), "test_body.py")
    result = suite.run("test_body.py", "-m", "cpu and not live")
    result.assert_outcomes(failed=len(BODIES), deselected=3 * len(BODIES))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    for name, (_, words) in BODIES.items():
        row = suite.rows()["input-costs", name, "paper"]
        assert (row["verdict"], row["effect"]) == ("error", None)
        assert words in row["reason"]
        assert words in result.stdout.str()
    result.stdout.fnmatch_lines(["input-costs [[]twice] on paper: judge() was called twice: *"])
    result.stdout.fnmatch_lines(["input-costs [[]skips] on paper: a claim's test may not skip or xfail: *"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from llm_claims import larger\n", "cannot import name 'larger' from 'llm_claims'"),
        (f"{HEAD}def test_it():\n    pass\n", "a claim's test takes the fixtures measure and judge"),
        (
            "def test_it(measure, judge):\n    pass\n",
            "test_body.py::test_it: measure and judge need a test marked with @claim",
        ),
        (
            '@claim("input-costs")\ndef test_it(measure, judge):\n    pass\n',
            "missing 1 required keyword-only argument: 'place'",
        ),
    ],
    ids=["unknown-relation", "no-fixture", "no-claim", "no-place"],
)
def test_what_is_no_test_of_a_claim_is_told_so(suite: Miniature, text: str, words: str) -> None:
    suite.write_test(text, "test_body.py")
    result = suite.run("test_body.py", "-m", "not live")
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert words in result.stdout.str()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ('@claim("input-cost", place="table 1")\n', "unknown claim id 'input-cost': did you mean input-costs?"),
        (f"{HEAD}@pytest.mark.xfail\n", "a claim's verdict is accepted by review, not hidden by xfail or skip"),
        (f"{HEAD}@pytest.mark.skipif(True, reason='no')\n", "not hidden by xfail or skip"),
    ],
    ids=["unknown-claim", "xfail", "skip"],
)
def test_a_claim_that_is_unknown_or_hidden_is_a_usage_error(suite: Miniature, head: str, words: str) -> None:
    suite.write_test(f"{head}def test_it(measure, judge):\n    pass\n", "test_body.py")
    assert_refused(suite.run("test_body.py"), "test_body.py::test_it", words)

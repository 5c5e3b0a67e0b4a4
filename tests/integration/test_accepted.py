"""What becomes of a verdict, beside the one that a person accepted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .miniature import ACCEPTED, Json, Miniature, outcomes, recording

RECORDED = ("-m", "cpu and not live")
LIVE = ("-m", "cpu and live")
REVIEW = "Review it; if it is right, accept it: llm-claims review --accept *"
IN10_NEW64, IN750_NEW64, IN10_NEW128, IN750_NEW128, ALONE, EIGHT, ZERO1, ZERO3 = range(8)
TOKENS, BATCH, ZERO = "test_twice_the_tokens", "test_batch_of_eight", "test_zero1"


def with_figure(name: str, entry: int, seconds: float, metric: str = "latency_seconds") -> Json:
    """A recording with one figure changed."""
    whole = recording(name)
    whole["evidence"][entry]["metrics"][metric]["samples"] = [seconds]
    return whole


def without_entry(name: str, entry: int) -> Json:
    """A recording without one of its runs."""
    whole = recording(name)
    del whole["evidence"][entry]
    return whole


def without_metric(name: str, entry: int) -> Json:
    """A recording with a run of which nothing is told."""
    whole = recording(name)
    whole["evidence"][entry]["metrics"] = {}
    return whole


def accepted_of(name: str, **changes: str) -> dict[str, str]:
    """The accepted verdicts of a recording; ``changes`` are those other than of ``paper``, by the test's name."""
    lines = {case.replace("paper]", f"{name}]"): line for case, line in ACCEPTED.items() if "paper" in case}
    return {**lines, **{f"{test}[{name}]": line for test, line in changes.items()}}


def failures(result: pytest.RunResult) -> dict[str, str]:
    """The diffs in words of all failed cases."""
    found = (re.fullmatch(r"(\S+(?: \[.*\])? on \S+): (.* → .*)", line) for line in result.outlines)
    return {match[1]: match[2] for match in found if match}


def test_an_accepted_verdict_becomes_an_outcome(suite: Miniature) -> None:
    """Passed, an expected failure, or skipped, with the reason."""
    for whole in (with_figure("weak", IN10_NEW128, 3.5), with_figure("open", EIGHT, 5.0), without_entry("less", EIGHT)):
        suite.write_recording(whole)
    never_there = accepted_of("less")
    del never_there[f"{BATCH}[less]"]
    weak = accepted_of("weak", **{TOKENS: "weakened 1.483 [1.478, 1.488]"})
    still_open = accepted_of("open", **{BATCH: "inconclusive 1.111 [1.088, 1.135]"})
    suite.accept({**ACCEPTED, **weak, **still_open, **never_there})
    result = suite.run("-m", "cpu", "-k", "tokens or batch", "-v", "-rxs")
    assert result.ret == pytest.ExitCode.OK
    assert outcomes(result) == {
        **{f"{TOKENS}[{source}]": "passed" for source in ("paper", "weak", "open", "less", "cpu")},
        **{f"{BATCH}[{source}]": "xfail" for source in ("paper", "weak", "cpu")},
        f"{BATCH}[open]": "skipped",
        f"{BATCH}[less]": "skipped",
    }
    for source in ("paper", "cpu"):
        result.stdout.re_match_lines(
            [rf"XFAIL .*\[{source}\] - accepted: contradicted 1\.\d+ \[.*\], n=\d \(the rise exceeds the margin of.*"]
        )
    result.stdout.fnmatch_lines(["SKIPPED *: accepted: inconclusive 1.111 *, n=1 (the rise may exceed the margin*"])
    result.stdout.fnmatch_lines(["SKIPPED *: untestable: less has no run of Generation(*"])


# Recording → the claim whose verdict changes, what was accepted, and what it is now.
CHANGED = {
    "size": (with_figure, (IN10_NEW128, 4.7), "tokens-double", "reproduced 1.958", r"weakened 1.992 .* size 1.96"),
    "weakened": (with_figure, (IN10_NEW128, 3.5), "tokens-double", "reproduced 1.958", r"weakened 1.483 "),
    "turned": (
        with_figure,
        (IN10_NEW128, 2.1),
        "tokens-double",
        "reproduced 1.958",
        r"contradicted 0.8898 .*other way",
    ),
    "open": (with_figure, (IN10_NEW128, 2.36), "tokens-double", "reproduced 1.958", r"inconclusive 1 .*may be 1"),
    "holds-now": (with_figure, (EIGHT, 4.5), "batch-is-free", "contradicted 1.333", r"reproduced 1 "),
    "further": (with_figure, (EIGHT, 6.1), "batch-is-free", "contradicted 1.333", r"contradicted 1.356 "),
    "lost": (without_entry, (EIGHT,), "batch-is-free", "contradicted 1.333", r"untestable: lost has no run of Gen"),
    "training": (
        *(with_figure, (ZERO3, 6000.0, "train_runtime_seconds")),
        *("zero1-faster", "reproduced 3.932", r"weakened 3.76 "),
    ),
}


def test_a_change_fails_with_a_diff_in_words_and_nothing_else_does(suite: Miniature) -> None:
    for name, (spoil, change, *_) in CHANGED.items():
        suite.write_recording(spoil(name, *change))
    suite.write_recording(with_figure("two-cases", IN10_NEW64, 2.4))
    suite.write_recording(without_metric("no-metric", EIGHT))
    names = (*CHANGED, "two-cases", "no-metric")
    before = suite.accept({**ACCEPTED, **{c: line for name in names for c, line in accepted_of(name).items()}})
    text = before.read_text(encoding="utf-8")
    result = suite.run(*RECORDED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    diffs = failures(result)
    assert result.parseoutcomes()["failed"] == len(diffs) + 1
    for name, (_, _, claim, was, now) in CHANGED.items():
        assert re.match(rf"{re.escape(was)} \[.*\] → {now}", diffs.pop(f"{claim} on {name}"))
    # What else reads the figure.
    longer = {f"input-costs [new128] on {name}" for name, (_, change, *_) in CHANGED.items() if IN10_NEW128 in change}
    assert set(diffs) == longer | {"input-costs [new64] on two-cases", "tokens-double on two-cases"}
    result.stdout.fnmatch_lines([REVIEW])
    assert before.read_text(encoding="utf-8") == text
    assert suite.rows()["batch-is-free", "", "no-metric"]["verdict"] == "error"
    result.stdout.fnmatch_lines(["batch-is-free on no-metric: *no metric 'latency_seconds' in its evidence"])


@pytest.mark.parametrize(("ci", "status"), [("", pytest.ExitCode.OK), ("1", pytest.ExitCode.TESTS_FAILED)])
def test_what_nobody_accepted_fails_in_ci_alone(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, ci: str, status: pytest.ExitCode
) -> None:
    monkeypatch.setenv("CI", ci)
    path = suite.accept({})
    path.unlink()
    result = suite.run("-m", "cpu")
    result.assert_outcomes(passed=7, xfailed=2, skipped=1, deselected=10)
    assert result.ret == status
    result.stdout.fnmatch_lines(["*9 verdicts that nobody has accepted yet: llm-claims review"])
    assert not path.exists()


TWO_SIDED = """\
@claim("batch-is-free", place="table 2")
@pytest.mark.parametrize("side", ["either"])
def test_either_way(measure, judge, side):
    alone, eight = (measure(Generation(api="pipeline", prompts=n, batch_size=n)) for n in (1, 8))
    judge(flat(alone.latency_seconds, eight.latency_seconds, within=0.1))
"""


def test_a_changed_live_verdict_fails_and_so_does_the_other_side_of_a_margin(suite: Miniature) -> None:
    suite.write_test(TWO_SIDED, "test_sides.py")
    suite.accept({"test_either_way[either-cpu]": "contradicted (above the margin)"}, "test_sides")
    suite.program.cost(input=-0.0003, batch=-0.05)
    result = suite.run(*LIVE)
    result.assert_outcomes(failed=4, passed=1, skipped=1, deselected=18)
    for case in ("new64", "new128"):
        assert failures(result)[f"input-costs [{case}] on cpu"].startswith("reproduced → contradicted 0.")
    assert "contradicted (above the margin) → contradicted 0.6" in result.stdout.str()
    assert "contradicted (above the margin) → reproduced 0.6" in result.stdout.str()


def test_another_size_of_the_same_live_verdict_is_no_change(suite: Miniature) -> None:
    suite.program.cost(input=0.002, batch=0.5)
    suite.run(*LIVE).assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)


def test_an_open_live_case_is_skipped_with_its_numbers_and_never_accepted(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    result = suite.run("--claim", "input-costs", *LIVE, "-rs", "--snapshot-update")
    result.assert_outcomes(skipped=2, deselected=18)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.re_match_lines(
        [
            r"SKIPPED .*: inconclusive [\d.]+ \[[\d.]+, [\d.]+\], n=\d+ "
            r"\(the ratio may be 1: n=\d+ could have told apart .*%"
        ]
    )
    assert suite.accepted() == ACCEPTED


def test_an_untestable_case_is_skipped_but_the_processor_is_always_here_and_loses_no_verdict(suite: Miniature) -> None:
    """A machine that is not here has changed nothing."""
    suite.accept({**ACCEPTED, "test_zero1[cpu]": "reproduced", "test_zero1[gpu]": "reproduced"})
    result = suite.run("--claim", "zero1-faster", "-m", "live", "-rs")
    result.assert_outcomes(failed=1, skipped=2, deselected=17)
    assert failures(result)["zero1-faster on cpu"].startswith("reproduced → untestable: the miniature trains nowhere")
    result.stdout.fnmatch_lines(["SKIPPED *: untestable: sixteen GPUs: no machine has as many"])
    result.stdout.fnmatch_lines(["SKIPPED *: untestable: measures on AWS, at a cost: pass --instance*"])


def test_a_recording_that_loses_a_run_fails_until_that_is_accepted(suite: Miniature) -> None:
    run = ("--claim", "batch-is-free", *RECORDED)
    suite.write_recording(without_entry("paper", EIGHT))
    suite.run(*run, "--snapshot-update").assert_outcomes(skipped=1, deselected=19)
    assert suite.accepted() == {**ACCEPTED, "test_batch_of_eight[paper]": "untestable"}
    suite.run(*run).assert_outcomes(skipped=1, deselected=19)
    suite.write_recording()
    result = suite.run(*run)
    result.assert_outcomes(failed=1, deselected=19)
    assert failures(result)["batch-is-free on paper"].startswith("untestable → contradicted 1.333")


def test_accepting_makes_the_next_run_pass(suite: Miniature) -> None:
    """Of a live verdict no timing is accepted; what changed is accepted alone."""
    suite.accept({})
    suite.run("-m", "cpu", "--snapshot-update").assert_outcomes(passed=7, skipped=1, xfailed=2, deselected=10)
    assert suite.accepted() == ACCEPTED
    assert not any(re.search(r"\d", line) for case, line in ACCEPTED.items() if case.endswith("cpu]"))
    suite.write_recording(with_figure("paper", ZERO3, 6000.0, "train_runtime_seconds"))
    suite.run(*RECORDED, "--snapshot-update").assert_outcomes(passed=4, xfailed=1, deselected=15)
    assert suite.accepted() == {**ACCEPTED, "test_zero1[paper]": "weakened 3.76 [3.76, 3.76]"}
    suite.run(*RECORDED).assert_outcomes(passed=4, xfailed=1, deselected=15)


def test_an_error_never_passes_and_is_never_accepted(suite: Miniature) -> None:
    words = ("error", "reproduced", "untestable", "inconclusive")
    accepted = dict(zip((case for case in ACCEPTED if case.endswith("cpu]")), words, strict=True))
    suite.accept(accepted)
    suite.program.misbehave("fail")
    for more in ((), ("--snapshot-update",)):
        suite.run(*LIVE, *more).assert_outcomes(failed=4, skipped=1, deselected=15)
    assert suite.accepted() == accepted


@pytest.mark.parametrize(
    "arguments",
    [LIVE, RECORDED, ("test_claims.py::test_twice_the_tokens[paper]",), ("-k", "tokens and paper"), ("--recording",)],
    ids=["live", "recorded", "one-case", "keyword", "another-recording"],
)
def test_a_run_of_a_part_leaves_what_others_accepted(suite: Miniature, arguments: tuple[Any, ...]) -> None:
    path = suite.write_recording(recording("other"), "elsewhere/other.json")
    everything = {**ACCEPTED, **accepted_of("other")}
    suite.accept(everything)
    if arguments == ("--recording",):
        arguments = (*RECORDED, "--recording", str(path))
    assert suite.run(*arguments, "--snapshot-update").ret == pytest.ExitCode.OK
    assert suite.accepted() == everything

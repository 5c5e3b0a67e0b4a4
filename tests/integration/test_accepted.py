"""What becomes of a verdict, beside the one that a person accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from .miniature import ACCEPTED, Miniature, recording

RECORDED = ("-m", "cpu and not live")
LIVE = ("-m", "cpu and live")
TIER = {"paper": "cpu and not live", "cpu": "cpu and live"}
REVIEW = "Review it, then accept it with --snapshot-update and say why in the commit."
IN10_NEW64, IN750_NEW64, IN10_NEW128, IN750_NEW128, ALONE, EIGHT, ZERO1, ZERO3 = range(8)


def with_figure(entry: int, seconds: float, metric: str = "latency_seconds") -> dict[str, Any]:
    """The recording with one figure changed."""
    whole = recording()
    whole["evidence"][entry]["metrics"][metric]["samples"] = [seconds]
    return whole


def without_entry(entry: int) -> dict[str, Any]:
    """The recording without one of its runs."""
    whole = recording()
    del whole["evidence"][entry]
    return whole


def failures(result: pytest.RunResult) -> list[str]:
    """The diffs in words of all failed cases."""
    return [line for line in result.outlines if re.match(r"\S+( \[.*\])? on \S+: .* → ", line)]


# Accepted


def test_an_accepted_good_verdict_passes(suite: Miniature) -> None:
    result = suite.run("--claim", "input-costs", "-m", "cpu")
    result.assert_outcomes(passed=4, deselected=16)
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("source", ["paper", "cpu"])
def test_an_accepted_contradiction_is_an_expected_failure_with_its_reason(suite: Miniature, source: str) -> None:
    result = suite.run("--claim", "batch-is-free", "-m", TIER[source], "-rx")
    result.assert_outcomes(xfailed=1, deselected=19)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.re_match_lines(
        [rf"XFAIL .*\[{source}\] - accepted: contradicted 1\.\d+ \[.*\], n=\d \(the rise exceeds the margin of 10.*"]
    )


def test_an_accepted_weakened_verdict_passes(suite: Miniature) -> None:
    suite.write_recording(with_figure(IN10_NEW128, 3.5))
    suite.accept({**ACCEPTED, "test_twice_the_tokens[paper]": "weakened 1.483 [1.478, 1.488]"})
    suite.run("--claim", "tokens-double", *RECORDED).assert_outcomes(passed=1, deselected=19)


def test_an_accepted_open_figure_of_a_recording_is_skipped_with_its_reason(suite: Miniature) -> None:
    suite.write_recording(with_figure(EIGHT, 5.0))
    suite.accept({**ACCEPTED, "test_batch_of_eight[paper]": "inconclusive 1.111 [1.088, 1.135]"})
    result = suite.run("--claim", "batch-is-free", *RECORDED, "-rs")
    result.assert_outcomes(skipped=1, deselected=19)
    result.stdout.fnmatch_lines(["SKIPPED *: accepted: inconclusive 1.111 *, n=1 (the rise may exceed the margin*"])


# Changed


@pytest.mark.parametrize(
    ("figure", "name", "before", "after"),
    [
        (
            with_figure(IN10_NEW128, 4.7),
            "tokens-double",
            "reproduced 1.958",
            r"weakened 1.992 .* the documented size 1.96",
        ),
        (with_figure(IN10_NEW128, 3.5), "tokens-double", "reproduced 1.958", r"weakened 1.483 "),
        (
            with_figure(IN10_NEW128, 2.1),
            "tokens-double",
            "reproduced 1.958",
            r"contradicted 0.8898 .*the other way round",
        ),
        (with_figure(IN10_NEW128, 2.36), "tokens-double", "reproduced 1.958", r"inconclusive 1 .*the ratio may be 1"),
        (with_figure(EIGHT, 4.5), "batch-is-free", "contradicted 1.333", r"reproduced 1 "),
        (with_figure(EIGHT, 6.1), "batch-is-free", "contradicted 1.333", r"contradicted 1.356 "),
        (without_entry(EIGHT), "batch-is-free", "contradicted 1.333", r"untestable: paper has no run of Generation\("),
        (with_figure(ZERO3, 6000.0, "train_runtime_seconds"), "zero1-faster", "reproduced 3.932", r"weakened 3.76 "),
    ],
    ids=["size", "weakened", "contradicted", "inconclusive", "holds-now", "further", "lost", "training"],
)
def test_a_change_fails_with_a_diff_in_words(
    suite: Miniature, figure: dict[str, Any], name: str, before: str, after: str
) -> None:
    suite.write_recording(figure)
    result = suite.run("--claim", name, *RECORDED)
    result.assert_outcomes(failed=1, deselected=19)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (diff,) = failures(result)
    assert re.match(rf"{name} on paper: {re.escape(before)} \[.*\] → {after}", diff)
    result.stdout.fnmatch_lines([REVIEW])
    assert suite.accepted() == ACCEPTED


def test_exactly_the_cases_that_changed_fail(suite: Miniature) -> None:
    suite.write_recording(with_figure(IN10_NEW64, 2.4))
    result = suite.run(*RECORDED)
    result.assert_outcomes(failed=2, passed=2, xfailed=1, deselected=15)
    assert [diff.partition(" on ")[0] for diff in failures(result)] == ["input-costs [new64]", "tokens-double"]


def test_what_nobody_accepted_fails(suite: Miniature) -> None:
    path = suite.accept({})
    path.unlink()
    result = suite.run("-m", "cpu")
    result.assert_outcomes(failed=9, skipped=1, deselected=10)
    assert {diff.partition(": ")[2].partition(" → ")[0] for diff in failures(result)} == {"not accepted yet"}
    assert not path.exists()


def test_a_changed_live_verdict_fails(suite: Miniature) -> None:
    suite.program.cost(input=-0.0003)
    result = suite.run("--claim", "input-costs", *LIVE)
    result.assert_outcomes(failed=2, deselected=18)
    assert all(" on cpu: reproduced → contradicted 0." in diff for diff in failures(result))


def test_a_live_contradiction_that_holds_now_fails(suite: Miniature) -> None:
    suite.program.cost(batch=0.0)
    result = suite.run("--claim", "batch-is-free", *LIVE)
    result.assert_outcomes(failed=1, deselected=19)
    (diff,) = failures(result)
    assert diff.startswith("batch-is-free on cpu: contradicted (above the margin) → reproduced ")


def test_the_other_side_of_a_margin_is_a_change(suite: Miniature) -> None:
    suite.write("test_claims.py", (suite.path / "test_claims.py").read_text().replace(', against="rise"', ""))
    suite.program.cost(batch=-0.05)
    result = suite.run("--claim", "batch-is-free", *LIVE)
    result.assert_outcomes(failed=1, deselected=19)
    (diff,) = failures(result)
    assert diff.startswith("batch-is-free on cpu: contradicted (above the margin) → contradicted 0.6")


def test_another_size_of_the_same_live_verdict_is_no_change(suite: Miniature) -> None:
    suite.program.cost(input=0.002, batch=0.5)
    suite.run(*LIVE).assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)


# Open, and untestable


def test_an_open_live_case_is_skipped_with_its_numbers(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    result = suite.run("--claim", "input-costs", *LIVE, "-rs")
    result.assert_outcomes(skipped=2, deselected=18)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.re_match_lines(
        [r"SKIPPED .*: inconclusive [\d.]+ \[[\d.]+, [\d.]+\], n=5 \(the ratio may be 1: n=5 could have told apart .*%"]
    )


def test_an_untestable_case_is_skipped_with_its_reason(suite: Miniature) -> None:
    result = suite.run("--claim", "zero1-faster", "-m", "live", "-rs")
    result.assert_outcomes(skipped=3, deselected=17)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "SKIPPED *: untestable: the miniature trains nowhere*",
            "SKIPPED *: untestable: sixteen GPUs: no machine has as many",
            "SKIPPED *: untestable: measures on AWS, at a cost: pass --instance*",
        ],
        consecutive=False,
    )


def test_a_figure_that_was_never_there_is_untestable(suite: Miniature) -> None:
    suite.write_recording(without_entry(EIGHT))
    suite.accept({case: line for case, line in ACCEPTED.items() if "eight" not in case})
    suite.run("--claim", "batch-is-free", *RECORDED).assert_outcomes(skipped=1, deselected=19)


def test_a_recording_that_loses_a_run_after_acceptance_fails_until_that_is_accepted(suite: Miniature) -> None:
    run = ("--claim", "batch-is-free", *RECORDED)
    suite.write_recording(without_entry(EIGHT))
    suite.run(*run).assert_outcomes(failed=1, deselected=19)
    suite.run(*run, "--snapshot-update").assert_outcomes(skipped=1, deselected=19)
    assert suite.accepted() == {**ACCEPTED, "test_batch_of_eight[paper]": "untestable"}
    suite.run(*run).assert_outcomes(skipped=1, deselected=19)
    suite.write_recording()
    result = suite.run(*run)
    result.assert_outcomes(failed=1, deselected=19)
    assert failures(result)[0].startswith("batch-is-free on paper: untestable → contradicted 1.333")


def test_a_recording_that_loses_a_metric_is_an_error(suite: Miniature) -> None:
    whole = recording()
    del whole["evidence"][EIGHT]["metrics"]["latency_seconds"]
    suite.write_recording(whole)
    result = suite.run("--claim", "batch-is-free", *RECORDED)
    result.assert_outcomes(failed=1, deselected=19)
    assert suite.words("paper") == {("batch-is-free", ""): "error"}
    result.stdout.fnmatch_lines(["batch-is-free on paper: *no metric 'latency_seconds' in its evidence"])


def test_a_machine_that_is_not_here_has_changed_nothing(suite: Miniature) -> None:
    suite.accept({**ACCEPTED, "test_zero1[gpu]": "reproduced"})
    suite.run("--claim", "zero1-faster", "-m", "live").assert_outcomes(skipped=3, deselected=17)


def test_the_processor_is_always_here_and_loses_no_verdict(suite: Miniature) -> None:
    suite.accept({**ACCEPTED, "test_zero1[cpu]": "reproduced"})
    result = suite.run("--claim", "zero1-faster", "-m", "live")
    result.assert_outcomes(failed=1, skipped=2, deselected=17)
    assert failures(result)[0].startswith("zero1-faster on cpu: reproduced → untestable: ")


# Accepting


def test_accepting_makes_the_next_run_pass(suite: Miniature) -> None:
    suite.accept({})
    suite.run("-m", "cpu", "--snapshot-update").assert_outcomes(passed=7, skipped=1, xfailed=2, deselected=10)
    assert suite.accepted() == ACCEPTED
    suite.run("-m", "cpu").assert_outcomes(passed=7, skipped=1, xfailed=2, deselected=10)


def test_accepting_changes_what_changed_alone(suite: Miniature) -> None:
    suite.write_recording(with_figure(ZERO3, 6000.0, "train_runtime_seconds"))
    suite.run(*RECORDED, "--snapshot-update").assert_outcomes(passed=4, xfailed=1, deselected=15)
    assert suite.accepted() == {**ACCEPTED, "test_zero1[paper]": "weakened 3.76 [3.76, 3.76]"}


def test_no_live_timing_is_ever_accepted(suite: Miniature) -> None:
    suite.accept({})
    suite.run("-m", "cpu", "--snapshot-update")
    live = {case: line for case, line in suite.accepted().items() if case.endswith("cpu]")}
    assert len(live) == 4
    assert not any(character.isdigit() for line in live.values() for character in line)


def test_an_open_live_case_is_never_accepted(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    suite.run("--claim", "input-costs", *LIVE, "--snapshot-update").assert_outcomes(skipped=2, deselected=18)
    assert suite.accepted() == ACCEPTED


def test_an_error_is_never_accepted(suite: Miniature) -> None:
    suite.program.misbehave("fail")
    suite.run(*LIVE, "--snapshot-update").assert_outcomes(failed=4, skipped=1, deselected=15)
    assert suite.accepted() == ACCEPTED


def test_an_error_never_passes(suite: Miniature) -> None:
    live = [case for case in ACCEPTED if case.endswith("cpu]")]
    suite.accept(dict(zip(live, ["error", "reproduced", "untestable", "inconclusive"], strict=True)))
    suite.program.misbehave("fail")
    suite.run(*LIVE).assert_outcomes(failed=4, skipped=1, deselected=15)


# Runs of one source, and the accepted verdicts of the others


def one_recording(suite: Miniature) -> tuple[str, ...]:
    path = suite.write_recording(recording("other"), "elsewhere/other.json")
    suite.accept({**ACCEPTED, **{case.replace("paper", "other"): line for case, line in ACCEPTED.items()}})
    return (*RECORDED, "--recording", str(path))


OF_ONE_SOURCE: dict[str, Callable[[Miniature], tuple[str, ...]]] = {
    "live": lambda _: LIVE,
    "recorded": lambda _: RECORDED,
    "another-recording": one_recording,
    "one-case": lambda _: ("test_claims.py::test_twice_the_tokens[paper]",),
    "keyword": lambda _: ("-k", "tokens and paper"),
}


@pytest.mark.parametrize("which", ["live", "recorded", "another-recording"])
@pytest.mark.parametrize("more", [(), ("--snapshot-update",)], ids=["compared", "accepted"])
def test_a_run_of_one_source_leaves_the_others_alone(suite: Miniature, which: str, more: tuple[str, ...]) -> None:
    arguments = OF_ONE_SOURCE[which](suite)
    before = suite.accepted()
    result = suite.run(*arguments, *more)
    assert suite.accepted() == before
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("which", ["one-case", "keyword"])
@pytest.mark.parametrize("more", [(), ("--snapshot-update",)], ids=["compared", "accepted"])
def test_a_run_of_few_cases_leaves_the_others_alone(suite: Miniature, which: str, more: tuple[str, ...]) -> None:
    result = suite.run(*OF_ONE_SOURCE[which](suite), *more)
    assert suite.accepted() == ACCEPTED
    assert result.ret == pytest.ExitCode.OK

"""What a person reads: progress while measuring, the closing table, and how to repeat what failed."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .miniature import ACCEPTED, QUICKLY, Miniature, ids, recording

RECORDED = ("-m", "cpu and not live")
LIVE = ("-m", "cpu and live")


def repeats(result: pytest.RunResult) -> list[list[str]]:
    """The arguments of the commands that repeat failing cases."""
    commands = [line.removeprefix("repeat: ") for line in result.outlines if line.startswith("repeat: ")]
    parts = [shlex.split(command) for command in commands]
    assert all(program == "pytest" for program, *_ in parts)
    return [arguments for _, *arguments in parts]


# The closing table


def test_the_table_is_claim_by_source(suite: Miniature) -> None:
    result = suite.run()
    start = result.outlines.index(next(line for line in result.outlines if line.startswith("claim  ")))
    header, rule, *body = (re.split(r"  +", line) for line in result.outlines[start : start + 6])
    assert header == ["claim", "paper", "cpu", "gpu", "sagemaker"]
    assert all(set(cell) == {"-"} for cell in rule)
    assert [row[0] for row in body] == ["input-costs", "tokens-double", "batch-is-free", "zero1-faster"]
    assert [row[1] for row in body] == [
        "reproduced ×1.14 to ×1.19 n=1 (2 cases)",
        "reproduced ×1.96 n=1",
        "contradicted ×1.33 n=1",
        "reproduced ×3.93 n=1",
    ]
    assert all(re.fullmatch(r"(reproduced|contradicted) ×.* n=3.*", row[2]) for row in body[:3])
    assert [row[2] for row in body[3:]] == ["untestable"]
    assert {cell for row in body for cell in row[3:]} == {"untestable"}


def test_columns_are_the_sources_that_ran(suite: Miniature) -> None:
    suite.run(*RECORDED).stdout.re_match_lines([r"claim +paper$"])


def test_verdicts_are_counted(suite: Miniature) -> None:
    suite.run().stdout.fnmatch_lines(
        [
            "4 claims, 20 cases",
            "  paper: 1 contradicted, 4 reproduced",
            "  cpu: 1 contradicted, 3 reproduced, 1 untestable",
            "  gpu: 5 untestable",
            "  sagemaker: 5 untestable",
        ],
        consecutive=True,
    )


def test_the_gravest_case_speaks_for_a_claim(suite: Miniature) -> None:
    whole = recording()
    whole["evidence"][1]["metrics"]["latency_seconds"]["samples"] = [2.0]
    suite.write_recording(whole)
    result = suite.run(*RECORDED)
    result.stdout.fnmatch_lines(
        [
            "input-costs    contradicted ×0.847 n=1 (1 of 2 cases)",
            "contradicted: input-costs [[]new64], paper: ×0.847 [[]0.8*, 0.8*] n=1 the direction is the other *",
            "cases disagree: input-costs, paper: holds for new128; contradicted for new64",
        ]
    )


def test_reasons_of_what_is_untestable_are_told_once(suite: Miniature) -> None:
    result = suite.run("-m", "sagemaker")
    told = [line for line in result.outlines if line.startswith("untestable on sagemaker: ")]
    assert len(told) == 1
    assert told[0].startswith("untestable on sagemaker: 4 claims: measures on AWS, at a cost: pass --instance")


def test_a_run_without_claims_prints_no_table(suite: Miniature) -> None:
    suite.write_test("def test_plain():\n    pass\n", "test_plain.py")
    suite.run("test_plain.py").stdout.no_fnmatch_line("*claims, * cases")


# Repeating


def test_the_repeat_command_repeats_the_failing_case(suite: Miniature) -> None:
    suite.accept(
        {**ACCEPTED, "test_longer_prompts[new64-paper]": "weakened 9 [8, 10]", "test_zero1[paper]": "untestable"}
    )
    commands = repeats(suite.run("-m", "cpu"))
    assert commands == [["test_claims.py::test_longer_prompts[new64-paper]"], ["test_claims.py::test_zero1[paper]"]]
    for arguments in commands:
        again = suite.run(*arguments)
        again.assert_outcomes(failed=1)
        assert repeats(again) == [arguments]


def test_the_repeat_command_works_for_a_live_case(suite: Miniature) -> None:
    suite.program.cost(input=-0.0003)
    first, _ = repeats(suite.run(*LIVE))
    again = suite.run(*first)
    again.assert_outcomes(failed=1)
    assert " on cpu: reproduced → contradicted " in again.stdout.str()


def test_nothing_failed_nothing_to_repeat(suite: Miniature) -> None:
    assert repeats(suite.run("-m", "cpu")) == []


def test_many_failing_cases_are_repeated_at_once(suite: Miniature) -> None:
    whole = [recording(name) for name in ("paper", "copy", "echo")]
    for one in whole:
        suite.write_recording(one)
    suite.accept({})
    result = suite.run(*RECORDED)
    result.stdout.fnmatch_lines(["repeat: pytest --lf, for all 15 failing cases"])
    suite.run("--lf").assert_outcomes(failed=15)


def test_the_repeat_command_names_the_recording(suite: Miniature) -> None:
    path = suite.write_recording(recording("other"), "elsewhere/other.json")
    first, *_ = repeats(suite.run(*RECORDED, "--recording", str(path)))
    suite.run(*first).assert_outcomes(failed=1)


def test_the_repeat_command_works_where_one_stands(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.accept({})
    monkeypatch.chdir(suite.path / "fixtures")
    first, *_ = repeats(suite.run("..", *RECORDED))
    suite.run(*first).assert_outcomes(failed=1)


def test_the_repeat_command_reads_as_a_shell_reads_it(suite: Miniature) -> None:
    suite.write_test(
        '@claim("input-costs", place="text")\n'
        '@pytest.mark.parametrize("word", ["it costs $1 `id`"])\n'
        "def test_words(measure, judge, word):\n"
        "    short, long = (measure(Generation(input_tokens=n)).latency_seconds for n in (10, 750))\n"
        "    judge(less(short, long))\n",
        "test_words.py",
    )
    result = suite.run("test_words.py", *RECORDED)
    (command,) = (line.removeprefix("repeat: pytest ") for line in result.outlines if line.startswith("repeat: "))
    said = subprocess.run(["sh", "-c", f"printf %s {command}"], capture_output=True, text=True, check=True).stdout
    assert said == "test_words.py::test_words[it costs $1 `id`-paper]"


# Progress

LINE = re.compile(
    r"(?P<source>\w+): (?P<what>.*): round (?P<k>\d+) of at most (?P<n>\d+)(, about (?P<left>\d+) s left)?"
)


def progress(result: pytest.RunResult) -> list[re.Match[str]]:
    return [match for line in result.errlines if (match := LINE.fullmatch(line))]


def test_progress_tells_what_where_and_which_round(suite: Miniature) -> None:
    lines = progress(suite.run(*LIVE, "--claim", "tokens-double"))
    assert [int(line["k"]) for line in lines] == [1, 1, 2, 2, 3, 3]
    assert {line["source"] for line in lines} == {"cpu"}
    assert all(line["what"].startswith("Generation(") for line in lines)
    assert {re.search(r"new_tokens=(\d+)", line["what"])[1] for line in lines} == {"64", "128"}  # type: ignore[index]


def test_progress_tells_the_time_left_once_it_is_known(suite: Miniature) -> None:
    suite.program.sleep(0.2)
    lines = progress(suite.run(*LIVE, "--claim", "tokens-double", "--rounds", "3"))
    assert [line["left"] for line in lines[:2]] == [None, None]
    assert [int(line["left"]) for line in lines[2:]] in ([1, 1, 0, 0], [1, 1, 1, 0])


@pytest.mark.parametrize(("rounds", "budget"), [((), "5"), (("--rounds", "4"), "4")], ids=["default", "four"])
def test_progress_tells_the_budget_of_rounds(suite: Miniature, rounds: tuple[str, ...], budget: str) -> None:
    suite.program.cost(input=0, jitter=0.02)
    lines = progress(suite.run(*LIVE, "--claim", "input-costs", "-k", "new64", *rounds))
    assert {line["n"] for line in lines} == {budget}


def test_quiet_runs_show_no_progress(suite: Miniature) -> None:
    result = suite.run("-q", *LIVE)
    assert progress(result) == []


def test_recordings_show_no_progress(suite: Miniature) -> None:
    assert suite.run(*RECORDED).errlines == []


def test_on_a_terminal_one_line_is_rewritten_and_cleared_in_the_end(suite: Miniature) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", *QUICKLY, *LIVE, "--claim", "tokens-double"]
    subprocess.run(command, cwd=suite.path, stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    said = os.read(ours, 65_536).decode()
    os.close(ours)
    assert said.count("\r\x1b[2Kcpu: Generation(") == 6
    assert "\n" not in said
    assert said.endswith("\r\x1b[2K")


def test_ids_of_the_table_and_of_pytest_agree(suite: Miniature) -> None:
    found = ids(suite.run("--collect-only", "-q"))
    suite.run()
    assert len(found) == len(suite.rows()) == 20
    assert Path(suite.path / "report").is_dir()

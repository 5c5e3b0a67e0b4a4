"""What a person reads: progress while measuring, the closing table, and how to repeat what failed."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys

import pytest

from .conftest import Ran
from .miniature import ACCEPTED, QUICKLY, Miniature, recording

RECORDED = ("-m", "cpu and not live")
LIVE = ("-m", "cpu and live")
RECORDED_CASES = [name for name in ACCEPTED if "paper" in name]
WRONG = "weakened 9 [8, 10]"


def repeats(result: pytest.RunResult) -> list[list[str]]:
    """The arguments of the commands that repeat failing cases."""
    commands = [line.removeprefix("repeat: ") for line in result.outlines if line.startswith("repeat: ")]
    parts = [shlex.split(command) for command in commands]
    assert all(program == "pytest" for program, *_ in parts)
    return [arguments for _, *arguments in parts]


# The closing table


def test_the_matrix_is_claim_by_source_and_fits(ran: Ran) -> None:
    lines = ran.result.outlines
    start = next(number for number, line in enumerate(lines) if line.split() == ["A", "B", "C", "D"])
    assert [re.sub(" ×[0-9.–]+", "", line).split() for line in lines[start + 1 : start + 5]] == [
        ["input-costs", "✓", "✓", "·", "·"],
        ["tokens-double", "✓", "✓", "·", "·"],
        ["batch-is-free", "✗", "✗", "·", "·"],
        ["zero1-faster", "✓", "·", "·", "·"],
    ]
    closing = lines[lines.index(f"{' claims ':=^80}") :]
    assert all(len(line) <= 80 for line in closing if not line.startswith(("report: ", "recorded: ")))


def test_verdicts_are_counted(ran: Ran) -> None:
    ran.result.stdout.fnmatch_lines(
        [
            "  ✓ reproduced, ✗ contradicted, · untestable",
            "     4 claims, 20 cases     ✓     ✗     ·",
            "  A  paper                  4     1     0",
            "  B  cpu                    3     1     1",
            "  C  gpu                    0     0     5",
            "  D  sagemaker              0     0     5",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize(("columns", "line"), [("80", "input-costs    ✓ ×1.14–1.19"), ("40", "input-costs    ✓")])
def test_effects_stand_in_the_matrix_where_there_is_room(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, columns: str, line: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for name in ("copy", "echo"):
        suite.write_recording(recording(name))
    shown = suite.run(*RECORDED)
    assert [one for one in shown.outlines if one.startswith(line)]


def test_what_was_contradicted_has_a_line_with_its_effect(ran: Ran) -> None:
    ran.result.stdout.fnmatch_lines(
        ["contradicted or weakened: 1 claim", "  batch-is-free: contradicted on paper ×1.33, cpu ×1.3*"],
        consecutive=True,
    )


def test_a_terminal_without_these_signs_shows_letters(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    lines = suite.run_apart(*RECORDED).outlines
    assert "batch-is-free  x x1.33" in lines


def test_what_changed_comes_first_the_gravest_on_top(suite: Miniature) -> None:
    wrong = {"test_zero1[paper]": "contradicted 0.5 [0.4, 0.6]", "test_twice_the_tokens[paper]": "reproduced 9 [8, 10]"}
    suite.accept({**ACCEPTED, **wrong})
    result = suite.run(*RECORDED)
    start = result.outlines.index("changed: 2 cases")
    assert " claims " in result.outlines[start - 1]
    assert [" ".join(line.split()) for line in result.outlines[start + 1 : start + 5]] == [
        "flip: zero1-faster on paper: contradicted 0.5 [0.4, 0.6] → reproduced 3.932",
        "[3.932, 3.932]",
        "drift: tokens-double on paper: reproduced 9 [8, 10] → reproduced 1.958 [1.951,",
        "1.964]",
    ]


def test_reasons_of_what_is_untestable_are_details_and_told_once(suite: Miniature) -> None:
    result = suite.run("-v", "-m", "sagemaker or cpu")
    (told,) = (line for line in result.outlines if line.startswith("untestable on sagemaker: "))
    assert told.startswith("untestable on sagemaker: 4 claims: measures on AWS, at a cost: pass --instance")
    suite.run("-m", "sagemaker or cpu").stdout.no_fnmatch_line("untestable on sagemaker: *")


def test_nothing_failed_nothing_to_repeat(ran: Ran) -> None:
    assert repeats(ran.result) == []


def test_the_gravest_case_speaks_for_a_claim_and_columns_are_the_sources_that_ran(suite: Miniature) -> None:
    whole = recording()
    whole["evidence"][1]["metrics"]["latency_seconds"]["samples"] = [2.0]
    suite.write_recording(whole)
    result = suite.run(*RECORDED, "-v")
    result.stdout.fnmatch_lines(
        [
            "claim * paper",
            "input-costs    contradicted ×0.847 n=1 (1 of 2 cases)",
            "contradicted: input-costs [[]new64], paper: ×0.847 [[]0.8*, 0.8*] n=1 the direction is the other *",
            "cases disagree: input-costs, paper: holds for new128; contradicted for new64",
        ]
    )
    assert result.errlines == [], "recordings show no progress"


# Repeating


def test_the_repeat_command_repeats_the_failing_case(suite: Miniature) -> None:
    suite.accept(
        {**ACCEPTED, "test_longer_prompts[new64-paper]": "weakened 9 [8, 10]", "test_zero1[paper]": "untestable"}
    )
    suite.program.cost(batch=0.0)
    commands = repeats(suite.run("-m", "cpu"))
    assert commands == [
        [f"test_claims.py::{case}"]
        for case in ("test_longer_prompts[new64-paper]", "test_batch_of_eight[cpu]", "test_zero1[paper]")
    ]
    for arguments in commands:
        again = suite.run(*arguments)
        again.assert_outcomes(failed=1)
        assert repeats(again) == [arguments]


def test_many_failing_cases_are_repeated_at_once(suite: Miniature) -> None:
    for name in ("paper", "copy", "echo"):
        suite.write_recording(recording(name))
    suite.accept({case.replace("paper", name): WRONG for case in RECORDED_CASES for name in ("paper", "copy", "echo")})
    result = suite.run(*RECORDED)
    result.stdout.fnmatch_lines(["repeat: pytest --lf, for all 15 failing cases"])
    suite.run("--lf").assert_outcomes(failed=15)


def test_the_repeat_command_names_the_recording_and_works_where_one_stands(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = suite.write_recording(recording("other"), "elsewhere/other.json")
    monkeypatch.chdir(suite.path / "fixtures")
    suite.accept({case.replace("paper", "other"): WRONG for case in RECORDED_CASES})
    first, *_ = repeats(suite.run("..", *RECORDED, "--recording", str(path)))
    assert first[0].startswith("../test_claims.py::")
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
    suite.accept({"test_words[it costs $1 `id`-paper]": WRONG}, "test_words")
    result = suite.run("test_words.py", *RECORDED)
    (command,) = (line.removeprefix("repeat: pytest ") for line in result.outlines if line.startswith("repeat: "))
    said = subprocess.run(["sh", "-c", f"printf %s {command}"], capture_output=True, text=True, check=True).stdout
    assert said == "test_words.py::test_words[it costs $1 `id`-paper]"


# Progress

LINE = re.compile(
    r"(?P<source>\w+): (?P<what>.*): round (?P<k>\d+) of (?P<n>\d+)(, about (?P<left>\d+) s left)?(; case \d+ of \d+)?"
)


def progress(result: pytest.RunResult) -> list[re.Match[str]]:
    return [match for line in result.errlines if (match := LINE.fullmatch(line))]


def test_progress_tells_what_where_which_round_and_the_time_left_once_it_is_known(suite: Miniature) -> None:
    suite.program.sleep(0.1)
    lines = progress(suite.run(*LIVE, "--claim", "tokens-double", "-v"))
    assert [int(line["k"]) for line in lines] == [1, 1, 2, 2, 3, 3]
    assert {line["source"] for line in lines} == {"cpu"}
    assert all(line["what"].startswith("Generation(") for line in lines)
    assert {re.search(r"new_tokens=(\d+)", line["what"])[1] for line in lines} == {"64", "128"}  # type: ignore[index]
    assert [line["left"] for line in lines[:2]] == [None, None]
    assert all(0 <= int(line["left"]) <= 5 for line in lines[2:])


@pytest.mark.parametrize(("rounds", "told"), [((), ["3", "4"]), (("--rounds", "4"), ["4"])], ids=["by time", "four"])
def test_progress_tells_how_many_rounds_there_are_by_now(
    suite: Miniature, rounds: tuple[str, ...], told: list[str]
) -> None:
    suite.program.cost(input=0, jitter=0.02)
    lines = progress(suite.run(*LIVE, "--claim", "input-costs", "-k", "new64", "-v", "--sampling-time", "1", *rounds))
    assert list(dict.fromkeys(line["n"] for line in lines))[:2] == told


def test_a_log_has_one_line_a_minute(suite: Miniature) -> None:
    assert len(progress(suite.run(*LIVE, "--claim", "tokens-double"))) == 1


def test_quiet_runs_show_no_progress(suite: Miniature) -> None:
    assert progress(suite.run("-q", *LIVE, "--claim", "tokens-double")) == []


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

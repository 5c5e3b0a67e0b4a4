"""``llm-claims review``: what departs, sorted and grouped; accepted one by one, with a reason."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from llm_claims import cli

from .miniature import ACCEPTED, Miniature, recording

ZERO1 = "zero1-faster[paper]"


@pytest.fixture
def here(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> Miniature:
    """A suite in a repository with one commit, where the command is called."""
    monkeypatch.chdir(suite.path)
    suite.commit()
    for words in ("add fixtures", "-c user.name=A -c user.email=a@example.org commit -q -m B"):
        subprocess.run(["git", *words.split()], check=True)
    return suite


def review(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Call the command; return its status, and what it wrote."""
    capsys.readouterr()
    status = cli.main(["review", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def change(suite: Miniature, seconds: float) -> None:
    """Write another latency of the shortest request."""
    whole = recording()
    whole["evidence"][0]["metrics"]["latency_seconds"].update(samples=[seconds], place="table 1, row 1")
    suite.write_recording(whole)


def reasons(suite: Miniature) -> dict[str, dict[str, object]]:
    return tomllib.loads((suite.path / "__reasons__/test_claims.toml").read_text(encoding="utf-8"))


def test_where_all_agrees_there_is_nothing_to_review(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    assert review(capsys) == (0, "nothing departs from the accepted verdicts\n", "")


def test_cases_are_grouped_by_the_figure_that_was_changed(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    change(here, 5.36)
    status, out, _ = review(capsys)
    assert status == 1
    heading, *lines, closing = out.splitlines()
    assert heading == "latency_seconds (table 1, row 1): 2.36 s → 5.36 s: 2 cases"
    assert [line.split()[:2] for line in lines if line.startswith("  flip")] == [
        ["flip", "input-costs[new64-paper]:"],
        ["flip", "tokens-double[paper]:"],
    ]
    assert closing.startswith("2 cases to review; accept one: llm-claims review --accept 'input-costs[new64-paper]'")


def test_without_a_changed_figure_they_are_sorted_by_kind(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"test_zero1[paper]": "contradicted 0.5 [0.4, 0.6]", "test_twice_the_tokens[paper]": "reproduced 9 [8, 10]"}
    lines = {**ACCEPTED, **wrong, "test_longer_prompts[new64-paper]": "weakened"}
    del lines["test_batch_of_eight[paper]"]
    here.accept(lines)
    _, out, _ = review(capsys)
    assert [line for line in out.splitlines() if not line.startswith("  ")][:3] == [
        "flip: 2 cases",
        "drift: 1 case",
        "new: 1 case",
    ]


def test_one_case_is_accepted_with_its_reason(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    here.accept(
        {**ACCEPTED, "test_zero1[paper]": "contradicted 0.5 [0.4, 0.6]", "test_longer_prompts[new64-paper]": "x"}
    )
    status, out, _ = review(capsys, "--accept", ZERO1, "--because", 'run A was "read" wrongly\n\x7f')
    assert status == 1
    assert out.startswith(f"accepted: flip   {ZERO1}: contradicted 0.5 [0.4, 0.6] → {ACCEPTED['test_zero1[paper]']}")
    assert here.accepted()["test_zero1[paper]"] == ACCEPTED["test_zero1[paper]"]
    assert here.accepted()["test_longer_prompts[new64-paper]"] == "x"
    (kept,) = reasons(here).values()
    assert kept["because"] == 'run A was "read" wrongly\n\x7f'
    assert kept["accepted"] == ACCEPTED["test_zero1[paper]"]
    assert len(str(kept["commit"])) == 40
    here.run("-m", "cpu and not live")
    assert here.rows()["zero1-faster", "", "paper"]["because"] == kept["because"]
    assert here.rows()["tokens-double", "", "paper"]["because"] == ""


def test_a_verdict_that_is_gone_takes_its_reason_with_it(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    table = 'accepted = "reproduced 1 [1, 1]"\nbecause = "old"\nauthor = "A"\ndate = 2000-01-01\n'
    here.write(
        "__reasons__/test_claims.toml", f'["test_gone[paper]"]\n{table}\n["test_batch_of_eight[paper]"]\n{table}'
    )
    change(here, 5.36)
    review(capsys, "--accept", "input-costs[new64-paper]", "--because", "it was measured anew")
    assert reasons(here).keys() == {"test_batch_of_eight[paper]", "test_longer_prompts[new64-paper]"}


def test_reasons_are_left_alone_by_syrupy(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    change(here, 5.36)
    review(capsys, "--accept", "input-costs[new64-paper]", "--because", "it was measured anew")
    kept = reasons(here)
    collected = here.run("--collect-only", "-q")
    assert collected.ret == pytest.ExitCode.OK
    collected.stdout.no_fnmatch_line("*unused*")
    here.run("-m", "cpu and not live", "--snapshot-update")
    assert reasons(here) == kept


def test_all_are_accepted_by_their_number(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    change(here, 5.36)
    status, out, err = review(capsys, "--accept-all", "3", "--because", "a misprint")
    assert (status, err) == (4, "llm-claims: 2 cases would be accepted: if you mean all, --accept-all 2\n")
    assert len(out.splitlines()) == 2
    status, out, _ = review(capsys, "--accept-all", "2", "--because", "a misprint")
    assert status == 0
    assert len(reasons(here)) == 2
    assert review(capsys)[0] == 0


def test_live_verdicts_are_those_of_the_last_report(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    here.program.cost(input=-0.0003)
    here.run("-m", "cpu and live")
    _, out, _ = review(capsys)
    assert "  flip   input-costs[new64-cpu]: reproduced → contradicted" in out
    review(capsys, "--accept-all", "2", "--because", "another processor")
    assert review(capsys)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--accept", ZERO1), "say why: --because TEXT"),
        (("--accept", "zero1[paper]", "--because", "x"), "there is no case zero1[paper]"),
        (("--accept", ZERO1, "--because", "x"), f"{ZERO1} agrees with what is accepted"),
        (("one.json",), "name two files to compare, or none"),
        (("no.json", "no.json"), "no.json: [Errno 2]"),
    ],
)
def test_what_makes_no_sense_is_refused(
    here: Miniature, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    status, _, err = review(capsys, *arguments)
    assert status == 4
    assert err.startswith(f"llm-claims: {words}")
    assert here.accepted() == ACCEPTED


def test_a_case_that_was_accepted_meanwhile_is_reviewed_again(
    here: Miniature, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here.accept({**ACCEPTED, "test_zero1[paper]": "contradicted"})
    monkeypatch.setattr("llm_claims.report.review.author", lambda: here.accept(ACCEPTED) and "A")
    status, _, err = review(capsys, "--accept", ZERO1, "--because", "x")
    assert (status, "was changed meanwhile; review again" in err) == (4, True)


def test_two_runs_are_compared(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    here.run("-m", "cpu and not live", "--report-dir=before")
    change(here, 2.3)
    here.run("-m", "cpu and not live", "--report-dir=after")
    status, out, _ = review(capsys, "before/verdicts.json", "after/verdicts.json")
    assert status == 1
    assert "input-costs[new64]: drift: reproduced 1.191 [1.186, 1.195] → reproduced 1.222 [1.217, 1.227]" in out
    assert out.endswith("2 cases of 5 differ\n")


def test_two_recordings_are_compared(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seconds in (("one", 2.36), ("two", 5.36)):
        whole = recording(name)
        whole["evidence"][0]["metrics"]["latency_seconds"]["samples"] = [seconds]
        here.write_recording(whole, f"{name}.json")
    status, out, _ = review(capsys, "one.json", "two.json")
    assert status == 1
    assert "tokens-double[]: flip: reproduced 1.958 [1.951, 1.964] → contradicted 0.8619 [0.8602, 0.8637]" in out


def test_snapshot_update_names_what_it_accepts(here: Miniature) -> None:
    here.accept({**ACCEPTED, "test_zero1[paper]": "contradicted"})
    result = here.run("-m", "cpu and not live", "--snapshot-update")
    result.stdout.fnmatch_lines(
        [f"accepted, reason not given: {ZERO1.replace('[', '[[]')}: contradicted → reproduced *"]
    )


def test_reasons_that_cannot_be_read_are_refused_in_words(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    here.write("__reasons__/test_claims.toml", "not toml")
    result = here.run("-m", "cpu and not live")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "__reasons__/test_claims.toml: the reasons cannot be read" in result.stdout.str()


def test_a_report_of_another_kind_is_refused(here: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.json").write_text(json.dumps([{"claim": 1}]), encoding="utf-8")
    status, _, err = review(capsys, "rows.json", "rows.json")
    assert (status, "rows.json: " in err) == (4, True)

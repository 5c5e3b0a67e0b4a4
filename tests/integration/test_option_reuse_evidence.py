"""``--reuse-evidence`` takes over what an earlier run measured, if nothing changed, and says so."""

from __future__ import annotations

import json
from datetime import date
from xml.etree import ElementTree

import pytest

from llm_claims.evidence.recordings import read_recording

from .kept import EVERYTHING, GROUPS, LIVE, REUSE, change, measured, why
from .miniature import Json, Miniature

BATCH = ("--claim", "batch-is-free")
CASES = 4
"""How many live cases measure."""


@pytest.fixture
def judged(suite: Miniature) -> Miniature:
    """A suite whose live cases were judged once."""
    suite.run(*LIVE)
    assert measured(suite) == EVERYTHING
    return suite


def test_nothing_is_measured_twice(judged: Miniature) -> None:
    before = judged.rows()
    result = judged.run(*REUSE)
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)
    assert judged.program.log == []
    today = date.today().isoformat()
    reused = {case: {**row, "reused": today} for case, row in before.items() if row["verdict"] != "untestable"}
    assert judged.rows() == before | reused
    assert len(reused) == CASES
    assert why(result) == []


def test_without_the_option_everything_is_measured(judged: Miniature) -> None:
    result = judged.run(*LIVE)
    assert measured(judged) == EVERYTHING
    assert {row["reused"] for row in judged.rows().values()} == {None}
    assert "reused" not in result.stdout.str()


def test_every_report_marks_what_was_reused(judged: Miniature) -> None:
    def age(whole: Json) -> None:
        for entry in whole["entries"]:
            entry["since"] = "2026-01-02" if entry["evidence"]["workload"]["prompts"] == 8 else "2026-03-04"

    change(judged, age)
    result = judged.run(*REUSE, "--junitxml=junit.xml")
    result.stdout.re_match_lines(
        [
            r"input-costs +reproduced ×.* \(2 cases\) \(reused\)",
            r"tokens-double +reproduced ×.* n=3 \(reused\)",
            r"batch-is-free +contradicted ×.* n=3 \(reused\)",
            r"zero1-faster +untestable",
            r"reused on cpu: 3 cases stand on evidence that an earlier run measured on 2026-03-04",
            r"reused on cpu: 1 case stands on evidence that an earlier run measured on 2026-01-02",
        ]
    )
    row = judged.rows()["batch-is-free", "", "cpu"]
    assert row["reused"] == "2026-01-02", "the oldest of what it stands on"
    page = (judged.path / "report/index.html").read_text(encoding="utf-8")
    assert page.count("reused, of 2026-03-04") == 3
    assert page.count("reused, of 2026-01-02") == 1
    cases = ElementTree.parse(judged.path / "junit.xml").iter("testcase")
    held = [json.loads(item.get("value") or "") for case in cases for item in case.iter("property")]
    assert row in held


def test_a_recording_keeps_the_day_of_the_measurement(judged: Miniature) -> None:
    def age(whole: Json) -> None:
        for entry in whole["entries"]:
            entry["evidence"]["provenance"]["date"] = entry["since"] = "2026-01-02"

    change(judged, age)
    judged.run(*REUSE, "--record", "bench.json")
    recording = read_recording(judged.path / "bench.json")
    assert recording.recorded == date(2026, 1, 2)
    assert len(recording.evidence) == sum(GROUPS.values())


def test_the_first_run_has_nothing_to_reuse(suite: Miniature) -> None:
    assert why(suite.run(*REUSE)) == ["no earlier run kept any evidence"]
    assert measured(suite) == EVERYTHING
    assert why(suite.run(*REUSE)) == []
    assert measured(suite) == 0


def test_recordings_have_nothing_to_reuse(judged: Miniature) -> None:
    result = judged.run("-m", "cpu and not live", "--reuse-evidence")
    assert "reused" not in result.stdout.str()


# What must not have changed


def test_another_program(judged: Miniature) -> None:
    judged.program.cost(constant=0.06)
    result = judged.run(*REUSE)
    assert why(result) == [
        "since it was measured, the files of claims_cpu_program changed, the files of claims_gpu_program changed"
    ]
    assert measured(judged) == EVERYTHING
    assert {row["reused"] for row in judged.rows().values()} == {None}
    judged.run(*REUSE)
    assert measured(judged) == 0, "the newer evidence is kept"


def test_another_number_of_looks(judged: Miniature) -> None:
    assert why(judged.run(*REUSE, "--rounds", "4")) == ["since it was measured, --rounds was 5 and is 4"]


def test_another_environment(judged: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert why(judged.run(*REUSE)) == ["since it was measured, environment variables changed"]


def test_other_versions_and_machines(judged: Miniature) -> None:
    def age(whole: Json) -> None:
        whole["fingerprint"] |= {"torch": "1.0", "processor": "Z80, 1 core", "the code of llm_claims": "0"}
        whole["fingerprint"].pop("numpy")

    change(judged, age)
    (reason,) = why(judged.run(*REUSE))
    assert reason.startswith("since it was measured, processor was Z80, 1 core and is ")
    assert ", torch was 1.0 and is " in reason
    assert ", numpy was absent and is " in reason
    assert ", the code of llm_claims changed" in reason
    assert measured(judged) == EVERYTHING


# What belongs together


def test_what_is_missing_is_measured(suite: Miniature) -> None:
    suite.run(*LIVE, *BATCH)
    assert measured(suite) == 3 * GROUPS["batch"]
    suite.run(*REUSE)
    assert measured(suite) == 3 * GROUPS["serving"]
    reused = {claim for (claim, *_), row in suite.rows().items() if row["reused"]}
    assert reused == {"batch-is-free"}
    assert why(suite.run(*REUSE)) == []
    assert measured(suite) == 0
    assert {row["reused"] is None for row in suite.rows().values()} == {True, False}


def test_what_is_timed_together_is_reused_as_a_whole_or_not_at_all(suite: Miniature) -> None:
    suite.run(*LIVE, "--claim", "tokens-double")
    assert measured(suite) == 3 * 2
    result = suite.run(*REUSE, "--claim", "tokens-double", "--claim", "input-costs")
    assert why(result) == ["what was kept is of other workloads, or of fewer rounds"]
    assert measured(suite) == 3 * GROUPS["serving"]


def test_a_part_is_reused_of_a_whole(judged: Miniature) -> None:
    for claim in ("tokens-double", "batch-is-free"):
        judged.run(*REUSE, "--claim", claim)
        assert measured(judged) == 0
    judged.run(*REUSE)
    assert measured(judged) == 0, "a run of a part spoils nothing"


def test_passes_of_different_runs_never_pair_up(judged: Miniature) -> None:
    judged.run(*LIVE, "--claim", "tokens-double")
    assert measured(judged) == 3 * 2
    judged.run(*REUSE)
    assert measured(judged) == 3 * GROUPS["serving"], "two of the four were measured on another occasion"
    judged.run(*REUSE)
    assert measured(judged) == 0


def test_a_relation_that_is_still_open_draws_no_more_than_its_rounds(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    suite.run(*LIVE, "--claim", "input-costs", "-k", "new64")
    assert measured(suite) == 5 * 2
    suite.run(*REUSE, "--claim", "input-costs", "-k", "new64")
    assert measured(suite) == 0
    row = suite.rows()["input-costs", "new64", "cpu"]
    assert (row["verdict"], row["n"]) == ("inconclusive", 5)


def test_rounds_of_two_days_are_told_apart(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    pair = "    short, long = (measure(Generation(input_tokens=n)).latency_seconds for n in (10, 750))\n"
    head = f'@claim("input-costs", place="text")\ndef test_pair(measure, judge):\n{pair}'
    suite.write_test(f"{head}    judge(similar(short, long, within=0.5))\n", "test_pair.py")
    suite.run(*LIVE, "test_pair.py")
    assert measured(suite) == 3 * 2

    def age(whole: Json) -> None:
        for entry in whole["entries"]:
            entry["evidence"]["provenance"]["date"] = entry["since"] = "2026-01-02"

    change(suite, age)
    suite.write_test(f"{head}    judge(less(short, long))\n", "test_pair.py")
    for days_before in range(2):
        suite.run(*REUSE, "test_pair.py", "--record", f"bench{days_before}.json")
        assert measured(suite) == (0 if days_before else 2 * 2)
        row = suite.rows()["input-costs", "", "cpu"]
        assert (row["verdict"], row["n"], row["reused"]) == ("inconclusive", 5, "2026-01-02")
        for entry in read_recording(suite.path / f"bench{days_before}.json").evidence:
            assert entry.rounds == (1, 2, 3, 4, 5)
            assert entry.note == "rounds 1, 2, 3 were measured until 2026-01-02"
            assert entry.provenance.date == date.today()


# Workers


def test_workers_reuse_and_are_reused(suite: Miniature) -> None:
    suite.run(*LIVE, "-n", "2").assert_outcomes(passed=3, skipped=1, xfailed=1)
    assert measured(suite) == EVERYTHING
    before = suite.words("cpu")
    suite.run(*REUSE, "-n", "2").assert_outcomes(passed=3, skipped=1, xfailed=1)
    assert measured(suite) == 0
    assert suite.words("cpu") == before
    assert sum(row["reused"] is not None for row in suite.rows().values()) == CASES
    suite.program.cost(constant=0.06)
    assert why(suite.run(*REUSE, "-n", "2")) == [
        "since it was measured, the files of claims_cpu_program changed, the files of claims_gpu_program changed"
    ]
    suite.program.forget()
    suite.run(*REUSE)
    assert measured(suite) == 0

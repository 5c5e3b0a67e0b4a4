"""``--record FILE`` writes what was measured live to a new recording."""

from __future__ import annotations

from datetime import date

import pytest

from llm_claims.evidence.recordings import read_recording

from .conftest import Ran
from .miniature import COMMIT, Miniature, assert_refused

LIVE = ("-m", "cpu and live")
QUICK = (*LIVE, "--claim", "tokens-double")


def test_what_was_measured_is_written_with_how_to_run_it_again(ran: Ran) -> None:
    ran.result.stdout.fnmatch_lines([f"recorded: {ran.suite.path}/bench.json, 6 workloads"])
    written = read_recording(ran.suite.path / "bench.json")
    assert (written.name, written.documented, written.complete, written.most_rounds) == ("bench", False, True, 1000)
    assert (written.measured_on, written.recorded) == ("cpu", date.today())
    seeds = {entry["asked"]["round"]: entry["asked"]["seed"] for entry in ran.suite.program.requests}
    for entry in written.evidence:
        assert len(entry.rounds) == len(entry.metrics["latency_seconds"].samples) == 3
        assert entry.metrics["new_tokens_per_sequence"].spread == "exact"
        assert entry.witness is not None
        provenance = entry.provenance
        assert (provenance.kind, provenance.hardware) == ("measured", "a fake, 0 cores")
        assert provenance.software == {"fake": "1.0"}
        assert provenance.seeds == tuple(seeds[number] for number in entry.rounds)
        assert (provenance.commit, provenance.date) == (COMMIT, date.today())
        assert provenance.command is not None
        assert provenance.command.startswith("python ")
        assert "fake_program.py" in provenance.command


def test_it_can_be_read_back_as_a_column_of_its_own(ran: Ran, suite: Miniature) -> None:
    suite.write("fixtures/recordings/bench.json", (ran.suite.path / "bench.json").read_text(encoding="utf-8"))
    result = suite.run("-m", "cpu and not live", "--snapshot-update")
    result.assert_outcomes(passed=7, skipped=1, xfailed=2, deselected=15)
    assert suite.program.log == []
    rows = suite.rows()
    for (claim, case, source), live in ran.suite.rows().items():
        if source == "cpu":
            row = rows[claim, case, "bench"]
            assert row["verdict"] == live["verdict"]
            assert row["effect"] == (pytest.approx(live["effect"]) if live["effect"] else None)


def test_it_is_written_beside_where_one_stands_and_says_how_many_rounds_there_could_be(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suite.path / "fixtures")
    suite.run("..", *QUICK, "--rounds", "4", "--record", "recordings/bench.json")
    written = read_recording(suite.path / "fixtures/recordings/bench.json")
    assert (len(written.evidence), written.most_rounds) == (2, 4)


def test_it_is_written_though_a_case_fails_and_a_run_that_failed_makes_it_incomplete(suite: Miniature) -> None:
    suite.accept({})
    suite.run(*LIVE, "--record", "whole.json").assert_outcomes(passed=3, xfailed=1, skipped=1, deselected=15)
    assert read_recording(suite.path / "whole.json").complete
    assert not list(suite.path.glob("*.partial"))
    suite.program.misbehave("die", input_tokens=750, new_tokens=64)
    suite.run(*LIVE, "--record", "part.json").assert_outcomes(failed=1, passed=2, xfailed=1, skipped=1, deselected=15)
    written = read_recording(suite.path / "part.json")
    assert not written.complete
    assert len(written.evidence) == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("file.json", "file.json: the file exists, and a recording is never overwritten"),
        ("link.json", "link.json: the file exists, and a recording is never overwritten"),
        ("dangling.json", "dangling.json: the file exists, and a recording is never overwritten"),
        ("nowhere/bench.json", "there is no folder"),
        ("My_Run.json", "name it NAME.json"),
        ("cpu.json", "cpu.json"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(suite: Miniature, name: str, words: str) -> None:
    precious = suite.write("file.json", "precious")
    (suite.path / "link.json").symlink_to(precious)
    (suite.path / "dangling.json").symlink_to(suite.path / "gone")
    assert_refused(suite.run(*LIVE, "--record", name), "--record", words)
    assert suite.program.log == []
    assert precious.read_text(encoding="utf-8") == "precious"


def test_a_file_that_came_meanwhile_is_not_overwritten(suite: Miniature) -> None:
    suite.write_test(
        'def test_another_run():\n    with open("bench.json", "x") as stream:\n        stream.write("precious")\n',
        "test_other.py",
    )
    selected = "another or (tokens and cpu)"
    result = suite.run("--record", "bench.json", "test_other.py", "test_claims.py", "-k", selected)
    assert (suite.path / "bench.json").read_text(encoding="utf-8") == "precious"
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    kept = suite.path / "bench.json.partial"
    result.stdout.fnmatch_lines(
        [f"error: *bench.json exists: a recording is never overwritten. * What was measured is in {kept}."]
    )
    assert [len(entry.rounds) for entry in read_recording(kept).evidence] == [3, 3]


@pytest.mark.parametrize("arguments", [("-m", "cpu and not live"), QUICK, ("--collect-only",)], ids=" ".join)
def test_nothing_measured_is_nothing_written(suite: Miniature, arguments: tuple[str, ...]) -> None:
    """Recordings were read, every run failed, or nothing ran."""
    suite.program.misbehave("fail")
    result = suite.run(*arguments, "--record", "bench.json")
    assert ("nothing was measured live, so" in result.stdout.str()) == ("--collect-only" not in arguments)
    assert not (suite.path / "bench.json").exists()


def test_a_report_that_cannot_be_written_costs_no_recording(suite: Miniature) -> None:
    suite.write_test('import os\ndef test_another():\n    os.makedirs("report/part/index.html")\n', "test_other.py")
    selected = "another or (tokens and cpu)"
    result = suite.run("--record", "bench.json", "test_other.py", "test_claims.py", "-k", selected)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["error: *index.html*", "recorded: *bench.json, 2 workloads"])
    assert len(read_recording(suite.path / "bench.json").evidence) == 2

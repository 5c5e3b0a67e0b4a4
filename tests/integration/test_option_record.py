"""``--record FILE`` writes what was measured live to a new recording."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from llm_claims.evidence.recordings import read_recording

from .miniature import REPOSITORY, Miniature, assert_refused

LIVE = ("-m", "cpu and live")


def read(path: Path) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return whole


def test_what_was_measured_is_written(suite: Miniature) -> None:
    result = suite.run(*LIVE, "--record", "bench.json")
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)
    result.stdout.fnmatch_lines([f"recorded: {suite.path}/bench.json, 6 workloads"])
    written = read_recording(suite.path / "bench.json")
    assert (written.name, written.documented, written.complete) == ("bench", False, True)
    assert written.recorded == date.today()
    for entry in written.evidence:
        assert len(entry.rounds) == len(entry.metrics["latency_seconds"].samples) == 3
        assert entry.metrics["new_tokens_per_sequence"].spread == "exact"


@pytest.mark.parametrize(("options", "most"), [((), 5), (("--rounds", "4"), 4)], ids=["default", "four"])
def test_it_says_how_many_rounds_a_relation_could_take(suite: Miniature, options: tuple[str, ...], most: int) -> None:
    suite.run(*LIVE, *options, "--claim", "tokens-double", "--record", "bench.json")
    assert read(suite.path / "bench.json")["most_rounds"] == most


def test_it_says_how_to_run_it_again(suite: Miniature) -> None:
    commit = "0123456789" * 4
    suite.write(".git/HEAD", f"{commit}\n")
    suite.run(*LIVE, "--record", "bench.json")
    seeds = {entry["asked"]["round"]: entry["asked"]["seed"] for entry in suite.program.requests}
    for entry in read_recording(suite.path / "bench.json").evidence:
        assert entry.witness is not None
        provenance = entry.provenance
        assert (provenance.kind, provenance.hardware) == ("measured", "a fake, 0 cores")
        assert provenance.software == {"fake": "1.0"}
        assert provenance.seeds == tuple(seeds[number] for number in entry.rounds)
        assert (provenance.commit, provenance.date) == (commit, date.today())
        assert provenance.command is not None
        assert provenance.command.startswith("python ")
        assert "fake_program.py" in provenance.command


def test_it_follows_the_published_schema(suite: Miniature) -> None:
    suite.run(*LIVE, "--record", "bench.json")
    jsonschema.validate(read(suite.path / "bench.json"), read(REPOSITORY / "fixtures/schemas/recording.schema.json"))


def test_it_can_be_read_back_as_a_column_of_its_own(suite: Miniature) -> None:
    suite.run(*LIVE, "--record", "fixtures/recordings/bench.json")
    live = {case: (row["verdict"], row["effect"]) for case, row in suite.rows().items() if case[2] == "cpu"}
    suite.program.forget()
    suite.run("-m", "cpu and not live", "--snapshot-update")
    result = suite.run("-m", "cpu and not live")
    result.assert_outcomes(passed=7, skipped=1, xfailed=2, deselected=15)
    assert suite.program.log == []
    for (claim, case, _), (word, effect) in live.items():
        row = suite.rows()[claim, case, "bench"]
        assert row["verdict"] == word
        assert row["effect"] == pytest.approx(effect) if effect else row["effect"] is None
    assert set(suite.words("paper")) == set(suite.words("bench"))


def test_it_is_written_beside_where_one_stands(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.path / "fixtures")
    suite.run("..", *LIVE, "--claim", "tokens-double", "--record", "recordings/bench.json")
    assert len(read_recording(suite.path / "fixtures/recordings/bench.json").evidence) == 2


def test_it_is_written_though_a_case_fails(suite: Miniature) -> None:
    suite.accept({})
    result = suite.run(*LIVE, "--record", "bench.json")
    result.assert_outcomes(failed=4, skipped=1, deselected=15)
    assert read_recording(suite.path / "bench.json").complete


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_nothing_is_ever_overwritten(suite: Miniature, kind: str) -> None:
    path = suite.path / "bench.json"
    if kind == "file":
        path.write_text("precious", encoding="utf-8")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(suite.path / "fixtures/recordings/paper.json")
    before = (suite.path / "fixtures/recordings/paper.json").read_bytes()
    assert_refused(suite.run(*LIVE, "--record", "bench.json"), "bench.json: the file exists", "never overwritten")
    assert suite.program.log == []
    assert (suite.path / "fixtures/recordings/paper.json").read_bytes() == before
    assert kind != "file" or path.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("name", ["nowhere/bench.json", "pytest.ini/bench.json"])
def test_a_folder_that_is_none_is_refused(suite: Miniature, name: str) -> None:
    assert_refused(suite.run(*LIVE, "--record", name), "--record", "there is no folder")
    assert suite.program.log == []


def test_a_file_that_came_meanwhile_is_not_overwritten(suite: Miniature) -> None:
    suite.write_test(
        'def test_another_run():\n    with open("bench.json", "x") as stream:\n        stream.write("precious")\n',
        "test_other.py",
    )
    result = suite.run("--claim", "tokens-double", *LIVE, "--record", "bench.json")
    assert result.ret == pytest.ExitCode.OK
    (suite.path / "bench.json").unlink()
    result = suite.run("--record", "bench.json", "test_other.py", "test_claims.py", "-k", "another or cpu")
    assert (suite.path / "bench.json").read_text(encoding="utf-8") == "precious"
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["error: *bench.json exists: a recording is never overwritten. Choose another name."])


def test_nothing_measured_is_nothing_written(suite: Miniature) -> None:
    result = suite.run("-m", "cpu and not live", "--record", "bench.json")
    result.assert_outcomes(passed=4, xfailed=1, deselected=15)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["nothing was measured live, so */bench.json was not written"])
    assert not (suite.path / "bench.json").exists()


def test_collecting_writes_nothing(suite: Miniature) -> None:
    suite.run("--collect-only", "--record", "bench.json")
    assert not (suite.path / "bench.json").exists()


def test_a_run_that_failed_makes_it_incomplete(suite: Miniature) -> None:
    suite.program.misbehave("die", input_tokens=750, new_tokens=64)
    result = suite.run(*LIVE, "--record", "bench.json")
    result.assert_outcomes(failed=1, passed=2, skipped=1, xfailed=1, deselected=15)
    written = read_recording(suite.path / "bench.json")
    assert not written.complete
    assert len(written.evidence) == 5


def test_if_every_run_failed_nothing_is_written(suite: Miniature) -> None:
    suite.program.misbehave("fail")
    result = suite.run(*LIVE, "--record", "bench.json")
    result.stdout.fnmatch_lines(["nothing was measured live*"])
    assert not (suite.path / "bench.json").exists()


@pytest.mark.parametrize("name", ["My_Run.json", ".json", "run 1.json"])
def test_a_file_name_that_names_no_recording_is_refused_at_once(suite: Miniature, name: str) -> None:
    assert_refused(suite.run(*LIVE, "--record", name), "--record", name)
    assert suite.program.log == []


@pytest.mark.parametrize("name", ["cpu.json", "gpu.json", "sagemaker.json"])
def test_the_name_of_a_live_source_is_refused_at_once(suite: Miniature, name: str) -> None:
    assert_refused(suite.run(*LIVE, "--record", name), "--record", name)
    assert suite.program.log == []

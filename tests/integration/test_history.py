"""``--history FILE``: each night is added, and a figure that changed fails its case in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest

from llm_claims import cli
from llm_claims.judging.history.file import read, write
from llm_claims.judging.history.night import EFFECT, Night

from .miniature import Miniature

LIVE = ("-m", "cpu and live", "--history", "nights.jsonl")
QUIET_NIGHTS = 35


def tonight(suite: Miniature) -> Night:
    night = read(suite.path / "nights.jsonl")[-1]
    assert isinstance(night, Night)
    return night


@pytest.fixture
def nightly(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> Miniature:
    """A suite with quiet nights behind it: those of tonight, each figure with noise of 2%."""
    monkeypatch.chdir(suite.path)
    suite.run(*LIVE)
    real, random = tonight(suite), Random(5)
    nights = []
    for number in range(QUIET_NIGHTS):
        figures = [one.model_copy(update={"value": one.value * random.gauss(1, 0.02)}) for one in real.figures]
        time = datetime.now(UTC) - timedelta(days=QUIET_NIGHTS - number)
        nights.append(real.model_copy(update={"run": f"run-{number}", "time": time, "figures": tuple(figures)}))
    write(suite.path / "nights.jsonl", nights)
    return suite


def slower(suite: Miniature, share: float) -> None:
    suite.program.cost(**{name: suite.program.costs[name] * (1 + share) for name in ("constant", "input", "new")})


def week(suite: Miniature) -> list[bool]:
    """Seven nights; whether each named a change."""
    return ["changed since earlier nights: " in suite.run(*LIVE).stdout.str() for _ in range(7)]


def test_a_night_has_raw_figures_effects_and_provenance(suite: Miniature) -> None:
    suite.commit()
    result = suite.run(*LIVE)
    night = tonight(suite)
    metrics = {figure.metric for figure in night.figures}
    assert {"latency_seconds", EFFECT} <= metrics
    assert {figure.key for figure in night.figures if figure.metric == EFFECT} >= {"tokens-double[cpu]"}
    assert (night.source, night.complete, len(night.commit or "")) == ("cpu", True, 40)
    assert night.software
    result.stdout.fnmatch_lines([f"history: *nights.jsonl, {len(night.figures)} figures of cpu"])


def test_recordings_and_runs_that_measure_nothing_add_no_night(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live", "--history", "nights.jsonl")
    assert not (suite.path / "nights.jsonl").exists()


def test_a_slowdown_of_a_tenth_is_named_by_the_third_night(nightly: Miniature) -> None:
    slower(nightly, 0.1)
    named = week(nightly)
    assert any(named[:3])
    result = nightly.run(*LIVE, "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = " ".join(" ".join(result.outlines).split())
    today = datetime.now(UTC).date()
    assert re.search(
        rf"latency_seconds of Generation\(.*?\) on cpu rose by 1\d% \[.*?\] since {today}, after 35 quiet", said
    )
    (row,) = (row for row in nightly.rows().values() if row["claim"] == "tokens-double")
    assert row["verdict"] == "reproduced"
    assert {change["figure"].partition("@")[0] for change in row["changes"]} == {"latency_seconds"}
    failures = ElementTree.parse(nightly.path / "junit.xml").iterfind(".//failure")
    assert any("tokens-double on cpu: changed" in (one.get("message") or one.text or "") for one in failures)


def test_no_slowdown_is_never_named(nightly: Miniature) -> None:
    assert week(nightly) == [False] * 7


def test_an_accepted_change_is_quiet_from_then_on(nightly: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    slower(nightly, 0.2)
    week(nightly)
    capsys.readouterr()
    assert cli.main(["history", "nights.jsonl", "--plot", "nights.svg"]) == 1
    figures = re.findall(r"--accept '(.*?)' --because WHY", capsys.readouterr().out)
    assert figures
    assert "<polyline" in Path("nights.svg").read_text(encoding="utf-8")
    for figure in figures:
        assert cli.main(["history", "nights.jsonl", "--accept", figure, "--because", "a slower machine"]) in (0, 1)
    assert cli.main(["history", "nights.jsonl"]) == 0
    assert "changed since" not in nightly.run(*LIVE).stdout.str()


@pytest.mark.slow
def test_snapshot_update_accepts_changes_too(nightly: Miniature) -> None:
    slower(nightly, 0.2)
    week(nightly)
    assert nightly.run(*LIVE, "--snapshot-update").ret == pytest.ExitCode.OK
    assert "changed since" not in nightly.run(*LIVE).stdout.str()


def test_a_part_is_an_incomplete_night(suite: Miniature) -> None:
    suite.run(*LIVE, "--claim", "tokens-double")
    assert tonight(suite).complete is False


def test_a_history_that_cannot_be_trusted_stops_the_run_before_it_measures(suite: Miniature) -> None:
    suite.write("nights.jsonl", "half a ni")
    result = suite.run(*LIVE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "nights.jsonl, line 1: it is cut short" in result.stderr.str()
    assert suite.program.log == []


def test_shards_are_merged(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.path)
    suite.run(*LIVE)
    suite.run("-m", "cpu and live", "--history", "other.jsonl")
    assert cli.main(["history", "nights.jsonl", "other.jsonl", "nights.jsonl", "--into", "all.jsonl"]) == 0
    assert len(read(suite.path / "all.jsonl")) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--accept", "latency_seconds@k"), "say why: --because TEXT"),
        (("--accept", "latency_seconds@k", "--because", "x"), "latency_seconds@k: no change stands"),
        (("--into", "nights.jsonl"), "--into nights.jsonl: the file exists"),
    ],
)
def test_what_makes_no_sense_is_refused(
    suite: Miniature,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(suite.path)
    suite.run(*LIVE)
    capsys.readouterr()
    assert cli.main(["history", "nights.jsonl", *arguments]) == 4
    assert capsys.readouterr().err == f"llm-claims: {words}\n"

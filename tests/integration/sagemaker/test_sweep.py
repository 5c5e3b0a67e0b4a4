"""`llm-claims sweep` as its users run it: by run and by age, dry and in earnest; and what its exit status says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llm_claims.sagemaker.journal import Journal
from llm_claims.sagemaker.names import RunId
from tests.emulator.client import Emulator
from tests.integration.faults.cases import CHANGES
from tests.integration.faults.planted import plant, plant_costly

Sweeper = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sweep(emulator: Emulator, tmp_path: Path) -> Sweeper:
    emulator.settings(stop_grace_seconds=0.2)

    def run(
        *arguments: str, patience: float = 20, settle: float = 0.5, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "llm_claims.cli", "sweep", *arguments, "--patience", str(patience)]
        return subprocess.run(
            [*command, "--poll", "0.1", "--settle", str(settle), "--journal", str(tmp_path / "journal")],
            env={**os.environ, **emulator.environment(), "AWS_MAX_ATTEMPTS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def left_by(emulator: Emulator, hours: float) -> RunId:
    run = RunId.new(datetime.now(UTC) - timedelta(hours=hours))
    plant(emulator, run.name("left"), run.s3_prefix, run.tags("llm-claims"))
    return run


def names(emulator: Emulator) -> set[str]:
    return {f"{row['kind']} {row['name']}" for row in emulator.resources() if "models/" not in row["name"]}


def test_one_run_is_swept_and_the_other_is_not_touched(emulator: Emulator, sweep: Sweeper) -> None:
    theirs = left_by(emulator, 30)
    before = names(emulator)
    ours = left_by(emulator, 1)
    plant_costly(emulator, ours.name("warm"), ours.s3_prefix, ours.tags("llm-claims"))
    done = sweep("--run", ours.text)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "sweep: 7 removed, 0 left"
    assert names(emulator) == before
    assert theirs.text not in done.stdout
    assert emulator.client("s3").list_multipart_uploads(Bucket=emulator.bucket).get("Uploads", []) == []


def test_the_old_are_swept_and_the_young_are_not(emulator: Emulator, sweep: Sweeper) -> None:
    young = left_by(emulator, 7)
    before = names(emulator)
    left_by(emulator, 9)
    left_by(emulator, 200)
    assert sweep("--older-than", "8h").returncode == 0
    assert names(emulator) == before
    assert sweep("--run", young.text).returncode == 0
    assert names(emulator) == set()


def test_a_dry_run_says_what_is_there_and_removes_nothing(emulator: Emulator, sweep: Sweeper) -> None:
    run = left_by(emulator, 9)
    before = names(emulator)
    since = emulator.calls()[-1]["number"]
    done = sweep("--older-than", "8h", "--dry-run")
    assert done.returncode == 1
    assert done.stdout.count("LEFT: ") == 6
    assert f"LEFT: upload {run.s3_prefix}" in done.stdout
    assert names(emulator) == before
    assert [call for call in emulator.calls(since=since) if call["operation"].startswith(CHANGES)] == []
    assert sweep("--older-than", "10h", "--dry-run").returncode == 0


def test_what_cannot_be_removed_is_told_by_line_and_status(emulator: Emulator, sweep: Sweeper) -> None:
    run = left_by(emulator, 9)
    emulator.fault("access_denied", "DeleteEndpoint", times=0)
    done = sweep("--run", run.text, patience=2)
    assert done.returncode == 1
    assert "LEFT: endpoint " in done.stdout
    assert "AccessDeniedException" in done.stdout
    # The schedule is the last resort for an endpoint that would not go.
    assert "LEFT: schedule " in done.stdout
    assert emulator.resources("schedule")
    assert "123456789012" not in done.stdout + done.stderr


def test_what_cannot_be_looked_for_counts_as_left(emulator: Emulator, sweep: Sweeper) -> None:
    emulator.fault("access_denied", "ListEndpoints", times=0)
    done = sweep("--run", RunId.new(datetime.now(UTC)).text, patience=0)
    assert done.returncode == 1
    assert "LEFT: listing endpoints: " in done.stdout


def test_a_search_by_tag_that_fails_is_but_a_note(emulator: Emulator, sweep: Sweeper) -> None:
    emulator.fault("access_denied", "Search", times=0)
    done = sweep("--run", RunId.new(datetime.now(UTC)).text)
    assert done.returncode == 0
    assert "note: searching endpoints by tag: " in done.stdout


def test_a_name_that_is_not_ours_is_found_by_its_tag(emulator: Emulator, sweep: Sweeper) -> None:
    run = RunId.new(datetime.now(UTC))
    plant(emulator, "renamed-by-the-sdk", run.s3_prefix, run.tags("llm-claims"))
    assert sweep("--run", run.text).returncode == 0
    assert emulator.resources("training-job", "endpoint") == []


def test_what_the_journal_knows_is_waited_for(emulator: Emulator, sweep: Sweeper, tmp_path: Path) -> None:
    run = RunId.new(datetime.now(UTC))
    journal = Journal(tmp_path / "journal")
    journal.intend(run, "model", run.name("serve"))
    assert sweep("--run", run.text, settle=10).returncode == 0
    looks = emulator.calls("ListEndpoints")
    assert len(looks) > 1, "one look would miss what appears a moment later"
    assert looks[-1]["time"] - looks[0]["time"] > 2
    assert Journal(tmp_path / "journal").entries() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--run", "yesterday"], "'yesterday' is no run id: one looks like"),
        (["--older-than", "soon"], "'soon' is no age: give minutes, hours or days, such as 90m, 8h, 2d"),
    ],
)
def test_a_wrong_argument_is_told(sweep: Sweeper, arguments: list[str], told: str) -> None:
    done = sweep(*arguments)
    assert done.returncode == 4
    assert done.stderr.startswith(f"llm-claims: {told}")
    assert "Traceback" not in done.stderr


def test_an_account_that_cannot_be_asked_is_told(sweep: Sweeper) -> None:
    run = RunId.new(datetime.now(UTC)).text
    done = sweep("--run", run, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "did not answer who the caller is" in done.stderr
    assert "Traceback" not in done.stderr


def test_age_is_not_told_by_a_clock_that_is_wrong(emulator: Emulator, sweep: Sweeper) -> None:
    left_by(emulator, 7)
    emulator.clock(offset_seconds=-3 * 3600)
    done = sweep("--older-than", "8h")
    assert done.returncode == 4
    assert "the clock of this machine is 180 min ahead of AWS's" in done.stderr
    assert emulator.resources("endpoint")

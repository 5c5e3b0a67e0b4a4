"""`llm-claims sweep` as its users run it: by run and by age, dry and in earnest; and what its exit status says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.utils import canonicalize_name

from llm_claims.cli import main
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.journal import Journal
from llm_claims.sagemaker.names import RunId
from tests.emulator.client import Emulator

from ..faults.cases import CHANGES
from ..faults.planted import plant, plant_costly


class Done(NamedTuple):
    status: int
    out: str
    err: str


Sweeper = Callable[..., Done]


@pytest.fixture
def sweep(account: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Sweeper:
    def run(*arguments: str, patience: float = 20, settle: float = 0.5) -> Done:
        pace = ["--patience", str(patience), "--poll", "0.1", "--settle", str(settle)]
        status = main(["sweep", *arguments, *pace, "--journal", str(tmp_path / "journal")])
        return Done(status, *capsys.readouterr())

    return run


def test_what_could_not_be_looked_at_again_was_not_removed(account: Emulator, sweep: Sweeper) -> None:
    """Deletion is refused, and then the credentials expire: the endpoint bills on."""
    run = left_by(account, 9)
    account.fault("access_denied", "DeleteEndpoint", times=0)
    # In the second look, which comes on the slowest machine too: the first, and what it removes, are some twenty calls.
    account.fault("expired_token", nth=24, times=0)
    done = sweep("--run", run.text, patience=3)
    assert done.status == 1
    assert "removed: endpoint " not in done.out
    assert f"LEFT: looking at endpoint {run.prefix}" in done.out
    assert "LEFT: listing endpoints: " in done.out
    account.clear_faults()
    assert account.resources("endpoint")


def new_run(hours_ago: float = 0) -> RunId:
    return RunId.new(datetime.now(UTC) - timedelta(hours=hours_ago))


def left_by(account: Emulator, hours_ago: float) -> RunId:
    run = new_run(hours_ago)
    plant(account, run.name("left"), run.s3_prefix, run.tags("llm-claims"))
    account.backdate(run.text, hours_ago * 3600)
    return run


def names(account: Emulator) -> set[str]:
    return {f"{row['kind']} {row['name']}" for row in account.resources() if "models/" not in row["name"]}


def test_one_run_is_swept_and_the_other_is_not_touched(account: Emulator, sweep: Sweeper) -> None:
    theirs = left_by(account, 30)
    before = names(account)
    ours = left_by(account, 1)
    plant_costly(account, ours.name("warm"), ours.s3_prefix, ours.tags("llm-claims"))
    done = sweep("--run", ours.text)
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == "sweep in us-east-1: 7 removed, 0 left"
    assert names(account) == before
    assert theirs.text not in done.out
    assert account.client("s3").list_multipart_uploads(Bucket=account.bucket).get("Uploads", []) == []


def test_the_old_are_told_of_then_swept_and_the_young_are_not(account: Emulator, sweep: Sweeper) -> None:
    left_by(account, 7)
    young = names(account)
    old = left_by(account, 9)
    before = names(account)
    since = account.calls()[-1]["number"]
    done = sweep("--older-than", "8h", "--dry-run")
    assert done.status == 1
    assert done.out.count("LEFT: ") == 6
    assert f"LEFT: upload {old.s3_prefix}" in done.out
    assert names(account) == before
    assert [call for call in account.calls(since=since) if call["operation"].startswith(CHANGES)] == []
    assert sweep("--older-than", "10h", "--dry-run").status == 0
    left_by(account, 200)
    assert sweep("--older-than", "8h").status == 0
    assert names(account) == young


def test_what_an_old_run_created_just_now_is_young(account: Emulator, sweep: Sweeper) -> None:
    """A job that is repeated in CI has the id of its first attempt."""
    run = new_run(hours_ago=30)
    plant(account, run.name("left"), run.s3_prefix, run.tags("llm-claims"))
    before = names(account)
    assert sweep("--older-than", "8h").status == 0
    assert names(account) == before


def test_jobs_that_have_ended_are_not_looked_at(account: Emulator, sweep: Sweeper) -> None:
    run = new_run()
    for number in range(3):
        plant_costly(account, run.name(f"ended{number}"), run.s3_prefix, run.tags("llm-claims"))
    assert sweep("--run", run.text).status == 0
    since = account.calls()[-1]["number"]
    assert sweep("--older-than", "0m").status == 0
    assert account.calls("DescribeTrainingJob", since=since) == []


@pytest.mark.parametrize("which", ["run", pytest.param("age", marks=pytest.mark.slow)])
def test_a_sweep_ends_well_at_the_rates_that_aws_allows(
    account: Emulator, sweep: Sweeper, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    run = left_by(account, 9)
    account.settings(list_jobs_per_second=2.0, search_lag_seconds=2.0)
    done = sweep("--run", run.text) if which == "run" else sweep("--older-than", "8h")
    assert done.status == 0, done.out
    assert "training-job" not in {row["kind"] for row in account.resources()}


def test_what_cannot_be_removed_is_told_by_line_and_status(account: Emulator, sweep: Sweeper) -> None:
    run = left_by(account, 9)
    account.fault("access_denied", "DeleteEndpoint", times=0)
    done = sweep("--run", run.text, patience=1)
    assert done.status == 1
    assert "LEFT: endpoint " in done.out
    assert "AccessDeniedException" in done.out
    # The schedule is the last resort for an endpoint that would not go.
    assert "LEFT: schedule " in done.out
    assert account.resources("schedule")
    assert "123456789012" not in done.out + done.err


@pytest.mark.parametrize(
    ("operation", "status", "words"),
    [("ListEndpoints", 1, "LEFT: listing endpoints: "), ("Search", 0, "note: searching endpoints by tag: ")],
)
def test_what_cannot_be_looked_for_counts_as_left_but_a_search_by_tag(
    account: Emulator, sweep: Sweeper, operation: str, status: int, words: str
) -> None:
    account.fault("access_denied", operation, times=0)
    done = sweep("--run", new_run().text, patience=0)
    assert done.status == status
    assert words in done.out


def test_a_name_that_is_not_ours_is_found_by_its_tag(account: Emulator, sweep: Sweeper) -> None:
    run = new_run()
    plant(account, "renamed-by-the-sdk", run.s3_prefix, run.tags("llm-claims"))
    assert sweep("--run", run.text).status == 0
    assert account.resources("training-job", "endpoint") == []


def test_what_the_journal_knows_is_waited_for(account: Emulator, sweep: Sweeper, tmp_path: Path) -> None:
    run = new_run()
    Journal(tmp_path / "journal").intend(run, "model", run.name("serve"), Account.of_environment().place)
    (entry,) = Journal(tmp_path / "journal").entries()
    assert sweep("--run", run.text, settle=3).status == 0
    assert datetime.now(UTC) - entry.at >= timedelta(seconds=3)
    assert len(account.calls("ListEndpoints")) > 1, "one look would miss what appears a moment later"
    assert Journal(tmp_path / "journal").entries() == []


@pytest.mark.parametrize(
    ("arguments", "url", "told"),
    [
        (["--run", "yesterday"], None, "'yesterday' is no run id: one looks like"),
        (["--older-than", "soon"], None, "'soon' is no age: give minutes, hours or days, such as 90m, 8h, 2d"),
        (["--older-than", "8h"], "http://127.0.0.1:9", "AWS in us-east-1 did not answer who the caller is"),
    ],
    ids=["no-run", "no-age", "no-account"],
)
def test_what_cannot_be_done_is_told(
    sweep: Sweeper, monkeypatch: pytest.MonkeyPatch, arguments: list[str], url: str | None, told: str
) -> None:
    if url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    done = sweep(*arguments)
    assert done.status == 4
    assert done.err.startswith(f"llm-claims: {told}")


def test_a_profile_that_does_not_exist_is_told(sweep: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "wrok")
    done = sweep("--older-than", "8h")
    assert done.status == 4
    assert done.err.startswith("llm-claims: no profile 'wrok' in the AWS configuration: set AWS_PROFILE to one of it: ")


def journaled(account: Emulator, tmp_path: Path, run: RunId) -> Journal:
    """A journal of all that `left_by` creates."""
    journal, place = Journal(tmp_path / "journal"), Account.of_environment().place
    for row in account.resources():
        if RunId.of_name(row["name"]) == run:
            journal.intend(run, row["kind"].replace("-", " "), row["name"], place)
    journal.intend(run, "upload", run.s3_prefix, place)
    return journal


def test_a_wrong_region_is_refused_by_the_bucket(
    account: Emulator, sweep: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left_by(account, 1)
    journal, before = journaled(account, tmp_path, run), names(account)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    done = sweep("--run", run.text)
    assert done.status == 4
    assert "the bucket of LLM_CLAIMS_BUCKET is in us-east-1, and" in done.err
    assert names(account) == before
    assert len(journal.entries()) == 6


def test_what_the_journal_says_is_elsewhere_is_left_and_stays_in_it(
    account: Emulator, sweep: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left_by(account, 1)
    journal, before = journaled(account, tmp_path, run), names(account)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("LLM_CLAIMS_BUCKET")
    done = sweep("--run", run.text)
    assert done.status == 1
    assert done.out.splitlines()[-1] == "sweep in eu-west-1: 0 removed, 7 left"
    assert done.out.count("in us-east-1: sweep again with AWS_REGION=us-east-1") == 6
    assert names(account) == before
    assert len(journal.entries()) == 6
    monkeypatch.undo()


def test_what_is_in_another_account_is_left(account: Emulator, sweep: Sweeper, tmp_path: Path) -> None:
    run, place = new_run(), replace(Account.of_environment().place, account="210987654321")
    Journal(tmp_path / "journal").intend(run, "endpoint", run.name("serve"), place)
    done = sweep("--run", run.text)
    assert done.status == 1
    assert ", in another account, in us-east-1: sweep again with its credentials" in done.out
    assert "210987654321" not in done.out


def test_without_the_name_of_the_bucket_its_objects_are_left(
    account: Emulator, sweep: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left_by(account, 1)
    monkeypatch.delenv("LLM_CLAIMS_BUCKET")
    done = sweep("--run", run.text)
    assert done.status == 1
    assert (
        "LEFT: uploads: not looked for, since no bucket is named: pass --bucket, or set LLM_CLAIMS_BUCKET" in done.out
    )
    assert sweep("--run", run.text, "--bucket", account.bucket).status == 0


def test_age_is_not_told_by_a_clock_that_is_wrong(account: Emulator, sweep: Sweeper) -> None:
    left_by(account, 7)
    account.clock(offset_seconds=-3 * 3600)
    done = sweep("--older-than", "8h")
    assert done.status == 4
    assert "the clock of this machine is 180 min ahead of AWS's" in done.err
    assert account.resources("endpoint")


def test_a_sweep_needs_boto3_and_nothing_else(account: Emulator, tmp_path: Path) -> None:
    """In CI it is installed for each sweep anew, while something may bill."""
    needed = {canonicalize_name(line.partition("==")[0]) for line in _lines("requirements-sweep.txt") if "==" in line}
    code = (
        "import json, sys; from llm_claims.cli import main;"
        f"main(['sweep', '--run', '{new_run().text}', '--journal', {str(tmp_path)!r}, '--patience', '0']);"
        "print(json.dumps([getattr(one, '__file__', None) or '' for one in list(sys.modules.values())]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    files = (path.partition("/site-packages/")[2] for path in json.loads(done.stdout.splitlines()[-1]))
    found = {path.partition("/")[0].removesuffix(".py") for path in files} - {"", "_distutils_hack", "certifi"}
    assert {{"dateutil": "python-dateutil"}.get(one, one) for one in found} <= needed


def _lines(name: str) -> list[str]:
    return (Path(__file__).parents[3] / name).read_text(encoding="utf-8").splitlines()

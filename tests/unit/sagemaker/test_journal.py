"""The journal: on the disk before anything is created, one story of many processes, and sound when it was cut short."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llm_claims.sagemaker.account import Place
from llm_claims.sagemaker.journal import JOURNAL_VARIABLE, Journal, default_folder
from llm_claims.sagemaker.names import RunId

RUN = RunId("20261123t015105-1a2b3c")
HERE = Place("123456789012", "us-east-1", "a-bucket")


def test_what_is_intended_and_not_gone_is_open(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.intend(RUN, "model", "one", HERE)
    journal.intend(RUN, "endpoint", "one", HERE)
    journal.gone(journal.own_entries()[0])
    (entry,) = journal.own_entries()
    assert (entry.run, entry.type, entry.name, entry.place) == (RUN, "endpoint", "one", HERE)
    assert abs(datetime.now(UTC) - entry.at) < timedelta(minutes=1)


def test_what_is_gone_in_one_region_is_open_in_another(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for place in (HERE, replace(HERE, region="eu-west-1")):
        journal.intend(RUN, "endpoint", "one", place)
    here, there = journal.own_entries()
    journal.gone(here)
    assert [entry.place for entry in journal.entries()] == [there.place]


def test_files_of_several_processes_are_one_story(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.intend(RUN, "model", "one", HERE)
    second.intend(RUN, "model", "two", HERE)
    assert {entry.name for entry in Journal(tmp_path).entries()} == {"one", "two"}
    assert [entry.name for entry in first.own_entries()] == ["one"]
    second.gone(first.own_entries()[0])
    assert [entry.name for entry in Journal(tmp_path).entries()] == ["two"]
    first.intend(RUN, "model", "one", HERE)
    assert {entry.name for entry in Journal(tmp_path).entries()} == {"one", "two"}


def test_a_line_that_was_cut_short_is_no_entry_and_hides_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.intend(RUN, "model", "one", HERE)
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_text()
    for length in range(len(whole)):
        path.write_text(whole + whole[:length])
        assert [entry.name for entry in journal.entries()] == ["one"]


@pytest.mark.parametrize(
    "line", ["[]", "{}", "null", "\x00", '{"at": "x", "run": 1}', '{"event": "create", "kind": "planet"}']
)
def test_what_is_no_entry_is_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / "odd.jsonl").write_text(line + "\n")
    assert Journal(tmp_path).entries() == []


def test_it_is_private_and_outlives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from llm_claims.sagemaker.journal import Journal;"
        "from llm_claims.sagemaker.account import Place;"
        "from llm_claims.sagemaker.names import RunId;"
        f"Journal(Path(sys.argv[1])).intend(RunId({RUN.text!r}), 'endpoint', 'one', {HERE!r});"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    folder = tmp_path / "journal"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=False, timeout=60)
    assert done.returncode == -9
    assert [entry.name for entry in Journal(folder).entries()] == ["one"]
    (path,) = folder.glob("*.jsonl")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_nothing_is_written_before_there_is_something_to_write(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").entries() == []
    assert not (tmp_path / "none").exists()


def test_the_folder_is_the_users_own_unless_named() -> None:
    assert default_folder({JOURNAL_VARIABLE: "/j"}) == Path("/j")
    assert default_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/llm-claims/journal")
    assert default_folder({}) == Path.home() / ".local" / "state" / "llm-claims" / "journal"

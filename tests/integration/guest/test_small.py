"""Small things, each the sign of a kind: what is written at the end is tried at the start, and words name the place."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path

import pytest

from llm_claims.document import files

from ..miniature import ACCEPTED, Miniature, assert_refused

QUICK = ("-m", "cpu and not live")


def test_a_recording_that_cannot_be_linked_is_refused_before_anything_is_measured(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    result = suite.run("-m", "cpu", "--record", "bench.json")
    assert_refused(result, "--record", f"no new file can be written to {suite.path}: Operation not permitted")
    assert suite.program.log == []


def test_verdicts_that_cannot_be_accepted_are_refused_before_anything_is_measured(suite: Miniature) -> None:
    for path in (suite.path / "__snapshots__").iterdir():
        path.unlink()
    (suite.path / "__snapshots__").rmdir()
    suite.write("__snapshots__", "a file in place of the folder")
    result = suite.run("-m", "cpu", "--snapshot-update")
    assert_refused(result, "__snapshots__: no accepted verdict can be written: ")
    assert suite.program.log == []


def test_a_disk_that_is_full_names_the_file(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, calls = os.fsync, []

    def fill(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", fill)
    result = suite.run(*QUICK)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines([f"error: *No space left on device: '{suite.path}/report/verdicts.json'"])


def test_reports_follow_the_umask(suite: Miniature) -> None:
    before = os.umask(0o027)
    try:
        suite.run(*QUICK)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (suite.path / "report").iterdir()} == {0o640}


def test_a_report_outside_the_root_works_twice_or_says_how(
    suite: Miniature, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("elsewhere") / "out"
    for _ in range(2):
        assert suite.run(*QUICK, f"--report-dir={out}").ret == pytest.ExitCode.OK
    result = suite.run(*QUICK, "--report-dir", str(out))
    assert_refused(result, f"--report-dir {out}: pytest took ", f"for the root; write --report-dir={out}")
    assert suite.run("test_claims.py", *QUICK, "--report-dir", str(out)).ret == pytest.ExitCode.OK


def test_the_command_that_repeats_a_case_has_what_changes_it(suite: Miniature) -> None:
    suite.accept({**ACCEPTED, "test_zero1[paper]": "contradicted"})
    (suite.path / "pytest.ini").rename(suite.path / "other.ini")
    result = suite.run(*QUICK, "-c", "other.ini", "-o", "claims_cpu_program=true", "-o", "claims_gpu_program=a b")
    (line,) = (line for line in result.outlines if line.startswith("repeat: "))
    words = shlex.split(line.removeprefix("repeat: pytest "))
    assert words[0] == "test_claims.py::test_zero1[paper]"
    assert words[1:] == ["-c", "other.ini", "-o", "claims_cpu_program=true", "-o", "claims_gpu_program=a b"]
    again = suite.run(*words)
    assert [one for one in again.outlines if one.startswith("repeat: ")] == [line]
    assert Path(suite.path / "report/part/verdicts.json").exists()

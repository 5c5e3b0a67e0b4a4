"""``--report-dir DIR``: where the reports go, and that this is known to work before anything is measured."""

from __future__ import annotations

import json

import pytest

from .miniature import Miniature, assert_refused

FILES = {"figures.json", "index.html", "verdicts.json"}
QUICK = ("-m", "cpu and not live", "--claim", "tokens-double")


def test_the_default_folder_lies_in_the_root(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.path / "fixtures")
    suite.run("..", *QUICK)
    assert {path.name for path in (suite.path / "report").iterdir()} == FILES


@pytest.mark.parametrize("name", ["out", "deep/er/still", "./report"])
def test_the_folder_is_made(suite: Miniature, name: str) -> None:
    suite.run(*QUICK, "--report-dir", name)
    assert {path.name for path in (suite.path / name).iterdir()} == FILES


def test_the_folder_may_be_absolute(suite: Miniature) -> None:
    folder = suite.path / "else" / "where"
    result = suite.run(*QUICK, f"--report-dir={folder}")
    result.stdout.fnmatch_lines([f"report: {folder}/index.html, verdicts.json"])
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_later_report_replaces_the_whole(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live")
    suite.run(*QUICK)
    assert set(suite.rows()) == {("tokens-double", "", "paper")}


def occupied(suite: Miniature, where: str) -> str:
    """The name of a report folder that cannot be used, by root either."""
    suite.write("occupied", "a file in place of the folder")
    return {"a file": "occupied", "below a file": "occupied/report", "nowhere": "/proc/nothing"}[where]


@pytest.mark.parametrize("where", ["a file", "below a file", "nowhere"])
def test_an_unusable_folder_is_refused_before_anything_is_measured(suite: Miniature, where: str) -> None:
    name = occupied(suite, where)
    result = suite.run("-m", "cpu", "--report-dir", name)
    assert_refused(result, f"{name} cannot be written", "choose another with --report-dir")
    assert suite.program.log == []
    assert (suite.path / "occupied").read_text(encoding="utf-8") == "a file in place of the folder"


def test_a_read_only_folder_is_refused(suite: Miniature) -> None:
    folder = suite.path / "report"
    folder.mkdir(mode=0o555)
    try:
        (folder / "probe").touch()
    except PermissionError:
        assert_refused(suite.run("-m", "cpu"), "the report folder", "cannot be written (Permission denied)")
    else:
        pytest.skip("this user may write anywhere")


def test_an_unusable_folder_is_refused_under_xdist(suite: Miniature) -> None:
    result = suite.run("-m", "cpu", "-n", "2", "--report-dir", occupied(suite, "a file"))
    assert_refused(result, "occupied cannot be written")
    assert suite.program.log == []


def test_collecting_needs_no_folder(suite: Miniature) -> None:
    result = suite.run("--collect-only", "-q", "--report-dir", occupied(suite, "a file"))
    assert result.ret == pytest.ExitCode.OK


def test_other_tests_need_no_folder(suite: Miniature) -> None:
    suite.write_test("def test_plain():\n    pass\n", "test_plain.py")
    result = suite.run("test_plain.py", "--report-dir", occupied(suite, "a file"))
    assert result.ret == pytest.ExitCode.OK


def test_a_report_that_cannot_be_written_in_the_end_is_no_success(suite: Miniature) -> None:
    (suite.path / "report/index.html").mkdir(parents=True)
    result = suite.run(*QUICK)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["error: *"])
    assert json.loads((suite.path / "report/verdicts.json").read_text(encoding="utf-8"))
    assert not [path.name for path in (suite.path / "report").iterdir() if path.name.startswith(".")]

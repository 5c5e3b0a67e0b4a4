"""``--report-dir DIR``: where the reports go, and that this is known to work before anything is measured."""

from __future__ import annotations

import json

import pytest

from .miniature import Miniature, assert_refused, recording

FILES = {"comment.md", "figures.json", "index.html", "verdicts.csv", "verdicts.json"}
QUICK = ("-m", "cpu and not live")


@pytest.mark.parametrize(
    ("arguments", "folder"), [((), "report"), (("--report-dir", "deep/er/still"), "deep/er/still")]
)
def test_the_folder_lies_in_the_root_and_is_made_and_a_later_report_replaces_the_whole(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], folder: str
) -> None:
    monkeypatch.chdir(suite.path / "fixtures")
    suite.run("..", *QUICK, *arguments)
    suite.write_recording(recording(title="Another"))
    suite.run("..", *QUICK, *arguments)
    assert {path.name for path in (suite.path / folder).iterdir()} == FILES
    assert len(suite.rows(folder)) == 5


def test_the_folder_may_be_absolute(suite: Miniature) -> None:
    folder = suite.path / "else" / "where"
    result = suite.run(*QUICK, f"--report-dir={folder}")
    result.stdout.fnmatch_lines([f"report: {folder}/index.html, verdicts.json"])
    assert {path.name for path in folder.iterdir()} == FILES


# By root either.
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("occupied", ()),
        ("occupied/report", ()),
        ("/proc/nothing", ()),
        ("occupied", ("-n", "2")),
        pytest.param("occupied/report", ("-n", "2"), marks=pytest.mark.slow),
        pytest.param("/proc/nothing", ("-n", "2"), marks=pytest.mark.slow),
    ],
)
def test_an_unusable_folder_is_refused_before_anything_is_measured(
    suite: Miniature, name: str, more: tuple[str, ...]
) -> None:
    path = suite.write("occupied", "a file in place of the folder")
    result = suite.run("-m", "cpu", "--report-dir", name, *more)
    assert_refused(result, f"{name} cannot be written", "choose another with --report-dir")
    assert suite.program.log == []
    assert path.read_text(encoding="utf-8") == "a file in place of the folder"


@pytest.mark.parametrize("arguments", [("--collect-only", "-q"), ("test_plain.py",)], ids=["collecting", "other-tests"])
def test_who_judges_nothing_needs_no_folder(suite: Miniature, arguments: tuple[str, ...]) -> None:
    suite.write("occupied", "a file in place of the folder")
    suite.write_test("def test_plain():\n    pass\n", "test_plain.py")
    assert suite.run(*arguments, "--report-dir", "occupied").ret == pytest.ExitCode.OK


def test_a_report_that_cannot_be_written_in_the_end_is_no_success(suite: Miniature) -> None:
    (suite.path / "report/index.html").mkdir(parents=True)
    result = suite.run(*QUICK)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["error: *"])
    assert json.loads((suite.path / "report/verdicts.json").read_text(encoding="utf-8"))
    assert not [path.name for path in (suite.path / "report").iterdir() if path.name.startswith(".")]

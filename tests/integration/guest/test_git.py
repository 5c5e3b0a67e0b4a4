"""The commit in the provenance is the one that git tells; where git does not, the report says so."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_claims.judging import commit
from llm_claims.judging.commit import commit_of

from ..miniature import Miniature


def git(folder: Path, *arguments: str) -> str:
    """Run git as a committer of its own, without the user's settings."""
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path) -> str:
    """Make a repository with a commit of its own, and return that."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", str(folder))
    return git(folder, "rev-parse", "HEAD")


def plain(outer: Path) -> tuple[Path, str]:
    return outer, git(outer, "rev-parse", "HEAD")


def packed(outer: Path) -> tuple[Path, str]:
    git(outer, "gc", "-q")
    return plain(outer)


def worktree(outer: Path) -> tuple[Path, str]:
    other = outer.parent / "other"
    repository(other)
    git(other, "commit", "-q", "--allow-empty", "-m", "newer")
    git(other, "worktree", "add", "-q", str(outer / "tree"))
    return outer / "tree", git(outer / "tree", "rev-parse", "HEAD")


def submodule(outer: Path) -> tuple[Path, str]:
    there = repository(outer.parent / "other")
    git(outer, "submodule", "-q", "add", str(outer.parent / "other"), "inner")
    return outer / "inner", there


@pytest.mark.parametrize("kind", [plain, packed, worktree, submodule], ids=lambda kind: kind.__name__)
def test_the_commit_is_that_of_the_innermost_repository(
    tmp_path: Path, kind: Callable[[Path], tuple[Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path / "outer")
    folder, there = kind(tmp_path / "outer")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert commit_of(folder) == there


def test_a_tree_that_was_changed_is_not_passed_off_as_its_commit(tmp_path: Path) -> None:
    repository(tmp_path)
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "a file")
    there = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "new").write_text("not of the repository")
    assert commit_of(tmp_path) == there
    (tmp_path / "file").write_text("two")
    assert commit_of(tmp_path) == f"{there}-dirty"


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None


@pytest.mark.parametrize("how", ["broken", "empty", "slow", "missing"])
def test_where_git_does_not_tell_the_report_does(suite: Miniature, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "broken":
        suite.write(".git/HEAD", "rubbish")
    else:
        git(suite.path, "init", "-q")
    if how == "slow":
        monkeypatch.setattr(commit, "_SECONDS", 0)
    if how == "missing":
        monkeypatch.setenv("PATH", "/nowhere")
    result = suite.run("-m", "cpu and not live")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["the suite's commit is unknown: *git*"])

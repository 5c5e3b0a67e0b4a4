"""The workflows' own shell steps, run here with stand-ins for what only GitHub has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .miniature import REPOSITORY, Miniature

STAND_IN = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
while [ $# -gt 0 ]; do [ "$1" = --body-file ] && cat "$2" >> "$CALLS"; shift; done
exit 0
"""


def step(workflow: str, name: str) -> str:
    """The shell lines of a named step."""
    jobs = yaml.safe_load((REPOSITORY / ".github/workflows" / workflow).read_text(encoding="utf-8"))["jobs"]
    (found,) = (one["run"] for job in jobs.values() for one in job["steps"] if one.get("name") == name)
    return str(found)


class Shell:
    """Runs steps in a suite, and knows which commands of the stand-ins they called."""

    def __init__(self, suite: Miniature) -> None:
        self.suite = suite
        self.bin = suite.path / ".venv/bin"
        self.bin.mkdir(parents=True)
        os.symlink(Path(sys.executable).parent / "llm-claims", self.bin / "llm-claims")
        (self.bin / "gh").write_text(STAND_IN)
        (self.bin / "gh").chmod(0o755)

    def run(self, lines: str, **variables: str) -> str:
        there = {"CALLS": str(self.suite.path / "calls"), "GITHUB_OUTPUT": str(self.suite.path / "output")}
        environment = os.environ | there | {"PATH": f"{self.bin}:{os.environ['PATH']}"} | variables
        done = subprocess.run(
            ["bash", "-e", "-c", lines],
            cwd=self.suite.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        calls = self.suite.path / "calls"
        return calls.read_text(encoding="utf-8") if calls.exists() else ""

    @property
    def output(self) -> str:
        return (self.suite.path / "output").read_text(encoding="utf-8")


@pytest.fixture
def shell(suite: Miniature) -> Shell:
    suite.commit()
    return Shell(suite)


def test_a_pull_request_gets_the_comment(shell: Shell) -> None:
    shell.suite.run("-m", "cpu and not live")
    calls = shell.run(step("ci.yml", "Comment"), NUMBER="7", GITHUB_REPOSITORY="us/suite")
    assert calls.startswith(
        "gh pr comment 7 --repo us/suite --edit-last --create-if-none --body-file report/comment.md\n###"
    )


def test_a_review_accepts_what_departs_and_opens_a_pull_request(shell: Shell) -> None:
    changed = shell.suite.path / "fixtures/recordings/paper.json"
    changed.write_text(changed.read_text(encoding="utf-8").replace("4.5", "5.9"), encoding="utf-8")
    shell.suite.run("-m", "cpu and not live")
    shell.run(step("review.yml", "Accept"))
    assert shell.output == "number=1\n"
    (reasons,) = shell.suite.path.rglob("__reasons__/*.toml")
    assert 'because = "to be filled in"' in reasons.read_text(encoding="utf-8")
    remote = shell.suite.path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    subprocess.run(["git", "remote", "add", "origin", str(remote)], cwd=shell.suite.path, check=True)
    suite = shell.suite.path / "tests"
    suite.mkdir(exist_ok=True)
    calls = shell.run(
        step("review.yml", "Open").replace("git add tests", "git add ."), GITHUB_RUN_ID="9", NUMBER="1", REPORT="URL"
    )
    assert "gh pr create --title Verdicts to review: 1 --body-file body.md --head review-9" in calls
    assert "[The report](URL)" in calls
    heads = subprocess.run(["git", "branch"], cwd=remote, capture_output=True, text=True, check=True).stdout
    assert "review-9" in heads


def test_without_a_change_no_pull_request_is_opened(shell: Shell) -> None:
    shell.run(step("review.yml", "Accept"))
    assert shell.output == "number=\n"

"""The tutorial, walked from its first block to its last: commands succeed, and print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .miniature import REPOSITORY

BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUTORIAL = (REPOSITORY / "docs/tutorial.md").read_text(encoding="utf-8")
SHELL = "set -eu -o pipefail\n"


def test_each_block_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(tmp_path / "timing.lock"))
    monkeypatch.setenv("COLUMNS", "80")
    folder, said = tmp_path, ""
    for language, title, text in BLOCK.findall(TUTORIAL):
        if language == "bash":
            done = subprocess.run(
                ["bash", "-c", f"{SHELL}{text}\npwd > '{tmp_path}/pwd'"],
                **{"cwd": folder, "capture_output": True, "text": True, "timeout": 90, "check": False},
            )
            assert done.returncode == 0, f"{text}{done.stdout}{done.stderr}"
            folder, said = Path((tmp_path / "pwd").read_text().strip()), done.stdout
        elif title and language == "text":
            (folder / title).write_text(text, encoding="utf-8")
        elif title:
            assert (folder / title).read_text(encoding="utf-8") == text
        else:
            missing = [line for line in text.splitlines() if line not in said]
            assert missing == [], said

"""The commit that is checked out, as git tells it."""

from __future__ import annotations

import getpass
import os
import subprocess
from pathlib import Path

_SECONDS = 5
DIRTY = "-dirty"
"""Follows a commit where a file of its repository has changed since; git's own word."""


def commit_of(folder: Path) -> str | None:
    """Return the commit of the repository that ``folder`` lies in; ``None`` if it lies in none.

    ``DIRTY`` follows it where a file that git knows has changed since: what ran is then of no commit.

    Raises
    ------
    OSError
        Git does not tell; the text says why.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    # In a hook of another repository, git would answer for that one.
    environment = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    command = ["git", "-C", str(folder), "describe", "--always", f"--dirty={DIRTY}", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(
            command, env={**environment, "LC_ALL": "C"}, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"git said nothing for {_SECONDS} s") from None
    if told.returncode == 0:
        return told.stdout.strip()
    raise OSError(f"git says: {' '.join(told.stderr.split()) or f'nothing, status {told.returncode}'}")


def committed_text(path: Path) -> str | None:
    """Return a file as the last commit has it; ``None`` if no commit has it, or git does not tell."""
    command = ["git", "-C", str(path.parent), "show", f"HEAD:./{path.name}"]
    try:
        told = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return told.stdout if told.returncode == 0 else None


def author() -> str:
    """The name under which git would commit, or else that of the user who is logged in."""
    try:
        told = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return getpass.getuser()
    return told.stdout.strip() or getpass.getuser()

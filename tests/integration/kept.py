"""What tests of kept and reused evidence share: the file it is kept in, and what a run said and measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .miniature import Json, Miniature

LIVE = ("-m", "cpu and live")
REUSE = (*LIVE, "--reuse-evidence")
NOTHING = "no evidence was reused: "
GROUPS = {"serving": 4, "batch": 2}
"""How many workloads are timed together."""
EVERYTHING = 3 * sum(GROUPS.values())
"""How many samples a run takes that reuses nothing."""


def kept(suite: Miniature) -> Path:
    return suite.path / ".pytest_cache/d/llm-claims/evidence.json"


def change(suite: Miniature, mend: Callable[[Json], Any]) -> None:
    whole = json.loads(kept(suite).read_text(encoding="utf-8"))
    mend(whole)
    kept(suite).write_text(json.dumps(whole), encoding="utf-8")


def why(result: pytest.RunResult) -> list[str]:
    """The reasons why nothing was reused."""
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    return [line.removeprefix(NOTHING) for line in result.outlines if line.startswith(NOTHING)]


def measured(suite: Miniature) -> int:
    """How many samples were taken since the last look."""
    count = len(suite.program.requests)
    suite.program.forget()
    return count

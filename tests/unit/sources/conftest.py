"""Fixtures for the tests of sources."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_programs import PRELUDE, Program

from llm_claims.sources.process import ProgramProcess


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Turn the text of a program into a process that runs it, not started yet."""
    started: list[ProgramProcess] = []

    def write(body: str, setup_timeout_seconds: float = 30) -> ProgramProcess:
        script = tmp_path / f"program{len(started)}.py"
        script.write_text(PRELUDE + textwrap.dedent(body))
        started.append(ProgramProcess([sys.executable, str(script)], setup_timeout_seconds))
        return started[-1]

    yield write
    for one in started:
        one.close(grace_seconds=0)

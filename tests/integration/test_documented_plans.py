"""The plans that docs/sagemaker.md prints are those that the suite makes: a new case that costs money shows there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .miniature import REPOSITORY
from .real import run

DOCS = (REPOSITORY / "docs/sagemaker.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| `(--instance [^`]*)` \| (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| (\d+) launches, ([\d.]+) \|$",
    DOCS,
    re.MULTILINE,
)


def test_there_are_such_rows() -> None:
    assert len(ROWS) == 4


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_documented_plan_is_what_is_planned(tmp_path: Path, row: tuple[str, ...]) -> None:
    options, jobs, endpoints, hours, dollars, launches, apart = row
    said = run(tmp_path / "out", "tests/claims", "-m", "sagemaker", "--plan", *shlex.split(options)).said
    planned = re.search(r"(\d+) jobs and (\d+) endpoints for .*: ([\d.]+) instance hours, \$([\d.]+) ", said)
    assert planned is not None, said[-1000:]
    assert planned.groups() == (jobs, endpoints, hours, dollars)
    assert f"for every test: {launches} of them, ${apart}" in said

"""The README's code blocks run: what it shows is what a reader gets."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from llm_claims.evidence.evidence import Samples
from llm_claims.evidence.recordings import read_recording

from . import real
from .miniature import REPOSITORY, FakeProgram

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    code: str


BLOCKS = [Block(*found) for found in BLOCK.findall(README)]


def blocks(language: str) -> list[str]:
    return [block.code for block in BLOCKS if block.language == language]


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for code in blocks("bash") for line in code.splitlines() if line.strip()]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This repository's suite, to change; its CPU program is a fake that answers at once."""
    for name in ("fixtures", "tests/claims"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    program = FakeProgram(tmp_path).command
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nclaims_cpu_program = {program}\n", encoding="utf-8")
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(tmp_path / "timing.lock"))
    return tmp_path


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_block_is_of_a_kind_that_is_tested():
    assert {block.language for block in BLOCKS} == {"bash", "text", "toml", "python", "json"}


@pytest.mark.parametrize("command", [c for c in commands() if c[0] == "make"], ids=" ".join)
def test_make_has_the_targets(command):
    done = subprocess.run([*command, "-n"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "pytest" in done.stdout


TIERS = [c for c in commands() if c[0] == "pytest" and "fixtures/recordings" not in " ".join(c)]


@pytest.mark.parametrize("command", TIERS, ids=" ".join)
def test_tiers_select_cases(command):
    done = run([*command, "tests/claims", "--collect-only", "-q", "-p", "no:cacheprovider"], REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    tier = command[command.index("-m") + 1].split()[0]
    ending = "document-2023]" if tier == "cpu" else f"{tier}]"
    assert ending in done.stdout


def test_a_recording_is_added_as_told(copy):
    told = [c for c in commands() if "fixtures/recordings" in " ".join(c)]
    assert [c[0] for c in told] == ["pytest", "llm-claims", "pytest"]
    live, check, accept = told
    # Against a fake the accepted verdicts of the live cases may change; the evidence is kept all the same.
    assert run(live, copy).returncode in (0, 1)
    path = copy / live[-1]
    assert len(read_recording(path).evidence) == 14
    done = run(["llm_claims.cli", *check[1:]], copy)
    assert done.returncode == 0, done.stderr
    assert "14 workloads" in done.stdout
    done = run(accept, copy)
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^claim +{path.stem}$", done.stdout, re.MULTILINE), "it is a column of its own"


def test_a_claim_is_added_as_told(copy):
    (claim,), (test, *_) = blocks("toml"), blocks("python")
    register = copy / "fixtures" / "claims.toml"
    register.write_text(f"{register.read_text(encoding='utf-8')}\n{claim}", encoding="utf-8")
    path = copy / "tests" / "claims" / "test_new.py"
    path.write_text(test, encoding="utf-8")
    done = run(["pytest", str(path), "-m", "cpu", "--snapshot-update", "-rA"], copy)
    assert done.returncode == 0, done.stdout
    assert "serve-first-token-needs-the-prompt" in done.stdout
    assert "[cpu]" in done.stdout


def test_the_kind_of_workload_that_is_told_is_the_one_that_is_tested():
    _, kind, _ = blocks("python")
    assert kind == (REPOSITORY / "tests/own/sorting.py").read_text(encoding="utf-8")


def test_a_figure_is_typed_in_as_told():
    (figure,) = blocks("json")
    assert Samples.model_validate_json(figure).resolution == 0.1


def test_the_shown_table_is_the_real_one(recorded: real.Run):
    """Each line of the document's column stands in the README as the suite prints it today."""
    shown = next(code for code in blocks("text") if code.startswith("="))
    column = {line.split("  ")[0]: line for line in shown.splitlines()}
    for line in recorded.said.splitlines():
        claim, _, cell = line.partition("  ")
        if claim in {case["id"] for case in recorded.cases} and cell.strip():
            assert cell.strip() in column[claim], f"README: {claim}"


def test_the_shown_change_is_the_real_one(recorded: real.Run):
    (change,) = (code for code in blocks("text") if "→" in code)
    before = change.partition(": ")[2].partition(" →")[0]
    accepted = (REPOSITORY / "tests/claims/__snapshots__/test_speed.ambr").read_text(encoding="utf-8")
    assert f"  {before}\n" in accepted


def test_every_option_of_the_plugin_is_told():
    helped = run(["pytest", "--help"], REPOSITORY).stdout
    section = helped.partition("judging claims about training and serving LLMs")[2].partition("\n\n")[0]
    options = set(re.findall(r"^  (--[a-z-]+)", section, re.MULTILINE))
    assert options == set(re.findall(r"^\| `(--[a-z-]+)", README, re.MULTILINE))

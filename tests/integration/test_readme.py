"""Code blocks of the README and the guides run: what they show is what a reader gets (the table: test_completeness)."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from llm_claims import cli
from llm_claims.evidence.evidence import Samples
from llm_claims.evidence.recordings import read_recording

from .miniature import QUICKLY, REPOSITORY

PAGES = ("README.md", *(f"docs/{name}.md" for name in ("output", "verdicts", "review", "tiers", "own")))
README = "\n".join((REPOSITORY / page).read_text(encoding="utf-8") for page in PAGES)
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [code for of, code in BLOCKS if of == language]


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for code in blocks("bash") for line in code.splitlines() if line.strip()]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {language for language, _ in BLOCKS} == {"bash", "text", "toml", "python", "json"}


@pytest.mark.parametrize("command", [c for c in commands() if c[0] == "make"], ids=" ".join)
def test_make_has_the_targets(command: list[str]) -> None:
    done = subprocess.run([*command, "-n"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert ".venv/bin/" in done.stdout


TIERS = [c for c in commands() if c[0] == "pytest" and "/recordings/" not in " ".join(c)]


@pytest.mark.parametrize("command", TIERS, ids=" ".join)
def test_tiers_select_cases(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.chdir(REPOSITORY)
    # No emulator is started for `--instance local`: nobody asks one here.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    # One module has cases of every tier.
    module = "tests/claims/sagemaker_llama/test_latency.py"
    done = pytester.runpytest_inprocess(
        *QUICKLY, "-p", "no:cacheprovider", "-q", module, *command[1:], "--collect-only"
    )
    assert done.ret == 0
    tier = command[command.index("-m") + 1].split()[0]
    ending = "document-2023]" if tier == "cpu" else f"{tier}]"
    assert ending in done.stdout.str()


def test_a_recording_is_added_as_told(
    copy: Path, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [c for c in commands() if "/recordings/" in " ".join(c)]
    assert [c[0] for c in told] == ["pytest", "llm-claims", "pytest"]
    live, check, accept = (arguments for _, *arguments in told)
    # Against a fake the accepted verdicts of the live cases may change; the evidence is kept all the same.
    assert pytester.runpytest_inprocess(*QUICKLY, *live).ret in (0, 1)
    path = copy / live[-1]
    assert len(read_recording(path).evidence) == 14
    capsys.readouterr()
    assert cli.main(check) == 0
    assert "14 workloads" in capsys.readouterr().out
    done = pytester.runpytest_inprocess(*QUICKLY, *accept)
    assert done.ret == 0
    # It is a column of its own.
    done.stdout.re_match_lines([rf"  A  {path.stem} "])


def test_what_changed_is_reviewed_as_told(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy)
    path = copy / "fixtures/sagemaker_llama/recordings/document-2023.json"
    # What is shown departs on this one; the others would be judged for as long as all else takes.
    for other in path.parent.glob("*.json"):
        if other != path:
            other.unlink()
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "A"]):
        subprocess.run(["git", *words], check=True)
    path.write_text(re.sub(r"\b2\.36$", "5.36", path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE))
    assert cli.main(["review"]) == 1
    said = capsys.readouterr().out.splitlines()
    (told,) = re.findall(r"output of: llm-claims review -->\n```text\n(.*?)```", README, re.DOTALL)
    assert set(told.splitlines()) <= set(said)


def test_a_claim_is_added_as_told(copy: Path, pytester: pytest.Pytester) -> None:
    (claim,), (test, *_) = blocks("toml"), blocks("python")
    register = copy / "fixtures/sagemaker_llama/claims.toml"
    register.write_text(f"{register.read_text(encoding='utf-8')}\n{claim}", encoding="utf-8")
    path = copy / "tests" / "claims" / "test_new.py"
    path.write_text(test, encoding="utf-8")
    done = pytester.runpytest_inprocess(*QUICKLY, str(path), "-m", "cpu", "--snapshot-update", "-rA")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["serve-first-token-needs-the-prompt *", "PASSED *[[]cpu]"])


def test_the_kind_of_workload_that_is_told_is_the_one_that_is_tested() -> None:
    _, kind, _ = blocks("python")
    assert kind == (REPOSITORY / "tests/own/sorting.py").read_text(encoding="utf-8")


def test_a_figure_is_typed_in_as_told() -> None:
    (figure,) = blocks("json")
    assert Samples.model_validate_json(figure).resolution == 0.1


def test_every_option_of_the_plugin_is_told(pytester: pytest.Pytester) -> None:
    helped = pytester.runpytest_inprocess("--help").stdout.str()
    section = helped.partition("judging claims about training and serving LLMs")[2].partition("\n\n")[0]
    options = set(re.findall(r"^  --claims(-[a-z-]+)", section, re.MULTILINE))
    assert options == set(re.findall(r"^\| `-(-[a-z-]+)", README, re.MULTILINE))

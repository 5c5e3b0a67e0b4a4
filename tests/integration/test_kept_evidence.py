"""What a run keeps for ``--reuse-evidence``: sound evidence, whole or not at all; what is damaged is told."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from .kept import EVERYTHING, LIVE, REUSE, kept, measured, why
from .miniature import Miniature


@pytest.fixture
def judged(suite: Miniature) -> Miniature:
    """A suite whose live cases were judged once."""
    suite.run(*LIVE)
    assert measured(suite) == EVERYTHING
    return suite


DAMAGES: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "null": lambda text: "null",
    "other": lambda text: '{"a": 1}',
    "newer": lambda text: text.replace('"schema_version":1', '"schema_version":2'),
    "nan": lambda text: text.replace('"samples":[', '"samples":[NaN,', 1),
    "unwitnessed": lambda text: text.replace('"witness":', '"note":"","witness":null,"_":', 1),
    "rounds": lambda text: text.replace('"rounds":[1,2,3]', '"rounds":[3,2,1]', 1),
    "bytes": lambda text: text.replace("a", "\udcff", 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_told_and_measured_again(judged: Miniature, damage: str) -> None:
    text = kept(judged).read_text(encoding="utf-8")
    assert DAMAGES[damage](text) != text
    kept(judged).write_text(DAMAGES[damage](text), encoding="utf-8", errors="surrogateescape")
    result = judged.run(*REUSE)
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)
    (reason,) = why(result)
    assert reason.startswith(f"what was kept is damaged: {kept(judged)}: ")
    assert measured(judged) == EVERYTHING
    judged.run(*REUSE)
    assert measured(judged) == 0, "the damage is mended"


def test_a_cache_that_cannot_be_written_is_told(suite: Miniature) -> None:
    kept(suite).mkdir(parents=True)
    result = suite.run(*REUSE)
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)
    (reason,) = why(result)
    assert reason.startswith("what was kept is damaged: ")
    result.stdout.fnmatch_lines(["the evidence could not be kept for reuse: *"])


@pytest.mark.parametrize("arguments", [LIVE, REUSE], ids=["without", "with"])
def test_without_a_cache_nothing_is_kept(suite: Miniature, arguments: tuple[str, ...]) -> None:
    result = suite.run(*arguments, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, skipped=1, xfailed=1, deselected=15)
    expected = ["pytest's cache, where it is kept, cannot be used"] if "--reuse-evidence" in arguments else []
    assert why(result) == expected


def test_what_failed_is_measured_again(suite: Miniature) -> None:
    suite.program.misbehave("die", prompts=8)
    suite.run(*LIVE).assert_outcomes(failed=1, passed=3, skipped=1, deselected=15)
    measured(suite)
    suite.run(*REUSE).assert_outcomes(failed=1, passed=3, skipped=1, deselected=15)
    assert {prompts for *_, prompts in suite.program.asked} == {1, 8}
    assert suite.rows()["batch-is-free", "", "cpu"]["reused"] is None
    assert suite.rows()["tokens-double", "", "cpu"]["reused"] is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_keeps_nothing(suite: Miniature, number: signal.Signals) -> None:
    body = f"def test_it():\n    import signal\n    signal.raise_signal({number.value})\n"
    suite.write("test_zz.py", body)
    assert suite.run_apart("-m", "not gpu and not sagemaker").ret == pytest.ExitCode.INTERRUPTED
    assert suite.program.requests
    assert not kept(suite).exists()


def test_a_killed_run_keeps_nothing(suite: Miniature) -> None:
    suite.write("test_zz.py", "import os, signal\ndef test_it():\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    assert suite.run_apart("-m", "not gpu and not sagemaker").ret == -signal.SIGKILL
    assert not kept(suite).exists()


def test_a_program_that_changes_while_it_runs_keeps_nothing(suite: Miniature) -> None:
    body = "def test_it():\n    with open('fake.json', 'a') as stream:\n        stream.write(' ')\n"
    suite.write("test_zz.py", body)
    suite.run("-m", "not gpu and not sagemaker")
    assert suite.program.requests
    assert not kept(suite).exists()

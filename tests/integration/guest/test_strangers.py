"""Projects and runs that have nothing to do with claims pay nothing and are told nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..miniature import Miniature

PLAIN = "def test_plain():\n    assert 1 + 1 == 2\n"
FOREIGN = {
    "claims": '[insurance]\nclaims = ["fire", "water"]\n',
    "list": '[[claims]]\nid = "fire"\n',
    "text": "not TOML at all",
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("claims", ()),
        ("list", ()),
        ("text", ()),
        ("claims", ("-n", "2")),
        *(pytest.param(kind, ("-n", "2"), marks=pytest.mark.slow) for kind in ("list", "text")),
    ],
)
def test_a_file_of_the_same_name(pytester: pytest.Pytester, kind: str, options: tuple[str, ...]) -> None:
    pytester.mkdir("fixtures").joinpath("claims.toml").write_text(FOREIGN[kind], encoding="utf-8")
    pytester.path.joinpath("report").write_text("a file", encoding="utf-8")
    pytester.makepyfile(PLAIN)
    assert pytester.runpytest_inprocess(*options).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("marker", ["claim", "claim('fire')", "claim(id=3)", "claim(id='fire', amount=5)"])
@pytest.mark.parametrize("register", [True, False], ids=["beside claims", "without claims"])
def test_a_marker_of_the_same_name(suite: Miniature, marker: str, register: bool) -> None:
    if not register:
        (suite.path / "fixtures/claims.toml").unlink()
    suite.write("test_theirs.py", f"import pytest\n\n@pytest.mark.{marker}\n{PLAIN}")
    suite.run("test_theirs.py").assert_outcomes(passed=1)


def test_workers_of_a_run_without_claims_make_no_report(suite: Miniature) -> None:
    suite.write("report", "a file in place of the folder")
    suite.write("test_plain.py", PLAIN)
    assert suite.run("test_plain.py", "-n", "2").ret == pytest.ExitCode.OK
    assert (suite.path / "report").is_file()


def run_bare(suite: Miniature, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with no other options: those of a plugin that is off are unknown."""
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", *arguments]
    return subprocess.run(command, cwd=suite.path, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "plugin", ["terminal", "cacheprovider", "junitxml", "skipping", "capture", "warnings", "logging"]
)
def test_a_plugin_of_pytest_may_be_off(suite: Miniature, plugin: str) -> None:
    result = run_bare(suite, "-m", "cpu and not live", "-p", f"no:{plugin}")
    assert (result.returncode, result.stderr) == (pytest.ExitCode.OK, "")
    assert len(suite.rows()) == 5


def test_without_a_terminal_faults_are_told_all_the_same(suite: Miniature) -> None:
    suite.write("test_claims.py", f"HELD = 'input-costs', 'tokens-double', 'batch-is-free'\n\n{PLAIN}")
    result = run_bare(suite, "-p", "no:terminal")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert result.stderr == "error: claim zero1-faster of the register has no test: no test file has its id\n"


@pytest.mark.parametrize("workers", ["-n2", pytest.param("--dist=load --tx=2*popen", marks=pytest.mark.slow)])
def test_workers_refuse_in_words(suite: Miniature, workers: str) -> None:
    suite.write("fixtures/recordings/bad.json", "{")
    result = suite.run("-m", "cpu", *workers.split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "bad.json: not JSON, or cut short" in result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()

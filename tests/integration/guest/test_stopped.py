"""However a run is stopped, each of its cases has a row, and what was not judged says why."""

from __future__ import annotations

from collections import Counter

import pytest

from ..miniature import ACCEPTED, Miniature

QUICK = ("-m", "cpu and not live", "-p", "no:randomly")
STOPPED = "not run because the run was stopped"


def reasons(suite: Miniature) -> Counter[str]:
    """How many cases of the last run are errors for each reason."""
    return Counter(row["reason"] for row in suite.rows().values() if row["verdict"] == "error")


@pytest.mark.parametrize("option", ["-x", "--maxfail=1", "--stepwise"])
def test_after_a_failure(suite: Miniature, option: str) -> None:
    suite.accept({**ACCEPTED, "test_longer_prompts[new128-paper]": "contradicted"})
    result = suite.run(*QUICK, option, "-v")
    result.assert_outcomes(passed=1, failed=1, deselected=15)
    assert len(suite.rows()) == 5
    assert reasons(suite) == {STOPPED: 3}
    result.stdout.fnmatch_lines([f"without a verdict on paper: 3 claims: {STOPPED}"])
    assert not (suite.path / "report/verdicts.json").exists()


def test_after_the_last_failure_the_run_is_whole(suite: Miniature) -> None:
    suite.accept({**ACCEPTED, "test_zero1[paper]": "contradicted"})
    suite.run(*QUICK, "-x")
    assert reasons(suite) == {}
    assert (suite.path / "report/verdicts.json").exists()


ENDS = {
    "interrupt": ("raise KeyboardInterrupt", pytest.ExitCode.INTERRUPTED),
    "exit": ("pytest.exit('enough')", pytest.ExitCode.INTERRUPTED),
    "exit well": ("pytest.exit('enough', returncode=0)", pytest.ExitCode.TESTS_FAILED),
}


@pytest.mark.parametrize("how", ENDS)
def test_within_a_test(suite: Miniature, how: str) -> None:
    line, status = ENDS[how]
    test = (suite.path / "test_claims.py").read_text(encoding="utf-8")
    suite.write("test_claims.py", test.replace("    few = measure", f"    {line}\n    few = measure"))
    result = suite.run_apart(*QUICK)
    assert result.ret == status
    assert len(suite.rows()) == 5
    assert reasons(suite) == {STOPPED: 3}


def test_a_worker_that_crashes(suite: Miniature) -> None:
    test = (suite.path / "test_claims.py").read_text(encoding="utf-8")
    suite.write("test_claims.py", test.replace("    few = measure", "    import os; os._exit(1)\n    few = measure"))
    result = suite.run_apart(*QUICK, "-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert reasons(suite) == {"its worker crashed": 1}
    assert suite.rows()["tokens-double", "", "paper"]["verdict"] == "error"
    assert len(suite.rows()) == 5


@pytest.mark.slow
def test_every_worker_crashes(suite: Miniature) -> None:
    suite.write("conftest.py", "import os\n\ndef pytest_runtest_setup(item):\n    os._exit(1)\n")
    result = suite.run_apart(*QUICK, "-n", "2", "--max-worker-restart=0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert set(reasons(suite)) <= {"its worker crashed", "not run because a worker crashed"}
    assert sum(reasons(suite).values()) == 5

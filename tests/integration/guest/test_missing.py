"""A claim without a test and an accepted verdict without a case fail the run, in any project."""

from __future__ import annotations

import pytest

from ..miniature import ACCEPTED, ALSO_WITH_WORKERS, REGISTER, TESTS, Miniature

QUICK = ("-m", "cpu and not live")
WITHOUT = TESTS.rpartition("@claim")[0]
ORPHANED = {case: line for case, line in ACCEPTED.items() if "zero1" not in case}
NO_TEST = "error: claim zero1-faster of the register has no test: *"


@ALSO_WITH_WORKERS
def test_a_claim_whose_test_was_deleted(suite: Miniature, workers: tuple[str, ...]) -> None:
    suite.write("test_claims.py", f"{WITHOUT}# zero1-faster was here\n")
    suite.accept(ORPHANED)
    result = suite.run(*QUICK, *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([NO_TEST])


def test_the_last_claim_whose_test_was_deleted(suite: Miniature) -> None:
    suite.write("test_claims.py", "def test_plain():\n    pass\n")
    result = suite.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([NO_TEST])


def test_a_claim_that_a_part_leaves_out_has_its_test(suite: Miniature) -> None:
    suite.write("deep/test_other.py", f"from llm_claims import *\nimport pytest\n@claim{TESTS.rpartition('@claim')[2]}")
    suite.write("test_claims.py", WITHOUT)
    suite.accept(ORPHANED)
    assert suite.run(*QUICK, "test_claims.py").ret == pytest.ExitCode.OK


def test_other_tests_are_left_alone(suite: Miniature) -> None:
    suite.write("fixtures/claims.toml", REGISTER + '[claims.new]\nstatement = "Not tested yet."\n')
    suite.write("test_plain.py", "def test_plain():\n    pass\n")
    assert suite.run("test_plain.py").ret == pytest.ExitCode.OK


GONE = {
    "test": {"test_old[paper]": "reproduced 2 [1, 3]"},
    "parameters": {"test_zero1[old-paper]": "reproduced 2 [1, 3]"},
}


@pytest.mark.parametrize("what", GONE)
def test_an_accepted_verdict_without_a_case(suite: Miniature, what: str) -> None:
    suite.accept({**ACCEPTED, **GONE[what]})
    result = suite.run(*QUICK)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (name,) = GONE[what]
    words = f"error: */test_claims.ambr has accepted verdicts that no test gives: {name}. Take them out."
    result.stdout.fnmatch_lines([words.replace("[", "[[]")])


def test_accepted_verdicts_without_a_module(suite: Miniature) -> None:
    suite.accept(ACCEPTED, "test_old")
    result = suite.run(*QUICK, "-k", "zero1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["error: */test_old.ambr has accepted verdicts that no test gives: *"])


OTHERS = {
    "of a source that is not here": {"test_zero1[laptop]": "reproduced 2 [1, 3]"},
    "of somebody else": {"test_old[paper]": "a snapshot that speaks for itself"},
}


@pytest.mark.parametrize("whose", OTHERS)
def test_entries_that_are_nobodys_fault(suite: Miniature, whose: str) -> None:
    suite.accept({**ACCEPTED, **OTHERS[whose]})
    result = suite.run(*QUICK, "--snapshot-disable-unused")
    assert result.ret == pytest.ExitCode.OK

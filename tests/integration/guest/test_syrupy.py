"""syrupy goes on looking for snapshots that no test used, and never sees accepted verdicts, whatever is selected."""

from __future__ import annotations

import pytest

from ..miniature import ACCEPTED, ALSO_WITH_WORKERS, Miniature

QUICK = ("-m", "not live")
SNAPSHOT = "def test_theirs(snapshot):\n    assert 1 == snapshot\n"
THEIRS = "# serializer version: 1\n# name: test_theirs\n  1\n# ---\n"
STALE = "# name: test_theirs.1\n  2\n# ---\n"
AMBER = """
from syrupy.extensions.amber import AmberSnapshotExtension

class Mine(AmberSnapshotExtension):
    pass

def test_theirs(snapshot):
    assert 1 == snapshot.use_extension(Mine)
"""


@pytest.fixture
def beside(suite: Miniature) -> Miniature:
    """A suite that has a snapshot of somebody else beside its accepted verdicts."""
    suite.write("test_theirs.py", SNAPSHOT)
    suite.write("__snapshots__/test_theirs.ambr", THEIRS)
    return suite


@ALSO_WITH_WORKERS
def test_a_stale_snapshot_of_others_still_fails(beside: Miniature, workers: tuple[str, ...]) -> None:
    beside.write("__snapshots__/test_theirs.ambr", THEIRS + STALE)
    result = beside.run(*QUICK, *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["1 snapshot passed. 1 snapshot unused."])


@pytest.mark.parametrize("test", [SNAPSHOT, AMBER], ids=["default", "other extension"])
@pytest.mark.parametrize("arguments", [(), ("test_claims.py", "test_theirs.py"), (".",)], ids=["root", "files", "."])
def test_accepted_verdicts_are_nobody_elses_snapshots(beside: Miniature, test: str, arguments: tuple[str, ...]) -> None:
    beside.write("test_theirs.py", test)
    result = beside.run(*QUICK, *arguments, "--snapshot-update")
    assert result.ret == pytest.ExitCode.OK
    assert beside.accepted() == ACCEPTED
    result.stdout.fnmatch_lines(["1 snapshot passed."])


def test_a_run_of_workers_warns_of_nothing(suite: Miniature) -> None:
    result = suite.run(*QUICK, "-n", "2", "-W", "error")
    assert result.ret == pytest.ExitCode.OK


def test_a_run_scolds_nobody(suite: Miniature) -> None:
    suite.run(*QUICK).stdout.no_fnmatch_line("*not recommended*")


def test_accepting_leaves_all_else_as_it_was(beside: Miniature) -> None:
    mixed = f"{THEIRS}# name: test_zero1[gpu]\n  reproduced\n# ---\n"
    path = beside.write("__snapshots__/test_claims.ambr", mixed)
    beside.write("test_claims.py", (beside.path / "test_claims.py").read_text(encoding="utf-8") + "\n" + SNAPSHOT)
    beside.run(*QUICK, "--snapshot-update", "-k", "zero1 or theirs")
    line = ACCEPTED["test_zero1[paper]"]
    assert path.read_text(encoding="utf-8") == f"{mixed}# name: test_zero1[paper]\n  {line}\n# ---\n"


def test_new_only_accepts_what_is_new_and_nothing_that_changed(suite: Miniature) -> None:
    changed = {**ACCEPTED, "test_twice_the_tokens[paper]": "contradicted"}
    suite.accept({case: line for case, line in changed.items() if "zero1" not in case})
    suite.run(*QUICK, "--snapshot-update-new-only").assert_outcomes(passed=3, failed=1, xfailed=1, deselected=15)
    assert suite.accepted() == changed


def test_syrupys_plugin_may_be_off(suite: Miniature) -> None:
    suite.run(*QUICK, "-p", "no:syrupy").assert_outcomes(passed=4, xfailed=1, deselected=15)


SPOILT = {
    "byte order mark": b"\xef\xbb\xbf# serializer version: 1\n",
    "no version": b"# name: test_zero1[paper]\n  reproduced\n# ---\n",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_syrupy_did_not_write_is_refused(suite: Miniature, how: str) -> None:
    path = suite.path / "__snapshots__/test_claims.ambr"
    path.write_bytes(SPOILT[how])
    result = suite.run(*QUICK)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert str(path) in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_a_byte_order_mark_goes_when_verdicts_are_accepted(suite: Miniature) -> None:
    path = suite.path / "__snapshots__/test_claims.ambr"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"3.932", b"4.932"))
    suite.run(*QUICK, "--snapshot-update").assert_outcomes(passed=4, xfailed=1, deselected=15)
    assert path.read_bytes().startswith(b"# serializer version: 1\n")
    assert suite.accepted() == ACCEPTED

"""A kind of workload and a source of one's own, written as a user would: see `tests/own`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_claims import cli
from llm_claims.workloads.registry import keep, kinds

OWN = Path(__file__).parents[1] / "own"
# Beside other tests, three rounds may not tell; a few seconds do.
LIVE = ("-m", "cpu and live", "--sampling-time=10")
CASE = "test_sorting.py::test_timsort_is_faster"


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    known = kinds()
    fixtures = pytester.mkdir("fixtures")
    (fixtures / "recordings").mkdir()
    (fixtures / "claims.toml").write_text((OWN / "claims.toml").read_text())
    for name, source in {
        "sorting.py": "sorting.py",
        "stopwatch.py": "stopwatch.py",
        "test_sorting.py": "sorting_claims.py",
        "conftest.py": "conftest_of_the_suite.py",
    }.items():
        (pytester.path / name).write_text((OWN / source).read_text())
    pytester.makeini("[pytest]\nstrict = true\n")
    yield pytester
    keep(known)


def test_an_own_kind_is_judged_live_recorded_accepted_and_judged_again(suite: pytest.Pytester) -> None:
    record = suite.path / "fixtures/recordings/here.json"
    live = suite.runpytest_subprocess(*LIVE, "--record", str(record), "--snapshot-update", "-v")
    live.assert_outcomes(passed=1, deselected=3)
    live.stdout.fnmatch_lines(["*reproduced ×*n=*", "recorded: *here.json, 2 workloads"])
    recorded = json.loads(record.read_text())
    assert recorded["evidence"][0]["witness"] == {"elements": 100_000, "algorithm": "timsort"}
    assert recorded["defaults"]["sorting"]["fields"]["algorithm"] == "timsort"
    new = suite.runpytest_inprocess("-m", "cpu and not live")
    new.assert_outcomes(passed=1, deselected=4)
    new.stdout.fnmatch_lines(["1 verdict that nobody has accepted yet: *"])
    suite.runpytest_inprocess("-m", "cpu and not live", "--snapshot-update").assert_outcomes(passed=1, deselected=4)
    suite.runpytest_inprocess("-m", "cpu and not live").assert_outcomes(passed=1, deselected=4)


def test_a_run_that_is_not_what_was_asked_is_refused(suite: pytest.Pytester) -> None:
    path = suite.path / "sorting.py"
    path.write_text(path.read_text().replace("algorithm=workload.algorithm)", 'algorithm="timsort")'))
    result = suite.runpytest_inprocess("-m", "cpu and live")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*algorithm: asked 'heapsort', the run saw 'timsort'*"])


def test_an_own_source_is_a_column(suite: pytest.Pytester) -> None:
    suite.runpytest_inprocess("-m", "stopwatch", "--snapshot-update").assert_outcomes(passed=1, deselected=3)
    result = suite.runpytest_inprocess(f"{CASE}[stopwatch]", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*reproduced ×6.07*"])


def test_a_kind_without_a_field_in_its_witness_is_refused(suite: pytest.Pytester) -> None:
    path = suite.path / "sorting.py"
    path.write_text(path.read_text().replace("        algorithm: str\n", ""))
    result = suite.runpytest_inprocess("--collect-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*sorting.Sorting: its Witness has no field for algorithm*"])


def test_the_command_reads_recordings_of_an_own_kind(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suite.path / "here.json"
    suite.runpytest_inprocess("-m", "cpu and live", "--record", str(path), "--snapshot-update")
    assert cli.main(["check", str(path)]) == 4
    assert "unknown kind of workload 'sorting'" in capsys.readouterr().err
    monkeypatch.syspath_prepend(str(suite.path))
    monkeypatch.delitem(sys.modules, "sorting", raising=False)
    assert cli.main(["check", "--kind", "sorting:Sorting", str(path)]) == 0
    assert "Sorting(elements=100000, algorithm=timsort): completed, elements_per_second" in capsys.readouterr().out

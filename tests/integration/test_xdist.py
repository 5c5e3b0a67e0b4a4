"""Workers share one body of evidence and one machine: each sample is taken once, and none beside another."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest

from llm_claims.evidence.recordings import read_recording

from .conftest import Ran
from .miniature import ACCEPTED, Json, Miniature, build

MANY = """\
@claim("input-costs", place="table 1")
@pytest.mark.parametrize("asker", range(8), ids="asker{}".format)
def test_many_ask_for_the_same(measure, judge, asker):
    short, long = (measure(Generation(input_tokens=n)) for n in (10, 750))
    judge(less(short.latency_seconds, long.latency_seconds))
"""
MANY_ACCEPTED = {f"test_many_ask_for_the_same[asker{n}-cpu]": "reproduced" for n in range(8)} | {
    f"test_many_ask_for_the_same[asker{n}-paper]": "reproduced 1.136 [1.134, 1.139]" for n in range(8)
}


def assert_apart(requests: list[Json]) -> None:
    """No request began before the one before it ended."""
    spans = sorted((entry["started"], entry["ended"]) for entry in requests)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A suite in which eight more tests ask for the same, run by two workers."""
    suite = build(tmp_path_factory.mktemp("crowded"))
    suite.write_test(MANY, "test_many.py")
    suite.accept(MANY_ACCEPTED, "test_many")
    suite.program.sleep(0.02)
    (suite.path / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(suite.path / "tmp"))
        return Ran(suite, suite.run_apart("-m", "cpu", "-n", "2", "-v", "--record", "bench.json"))


def test_every_case_has_its_outcome_and_both_workers_judged_live_cases(crowded: Ran) -> None:
    _, result = crowded
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    result.assert_outcomes(passed=7 + 16, skipped=1, xfailed=2)
    live = [match[1] for line in result.outlines if (match := re.match(r"\[(gw\d)\] .* PASSED .*-?cpu\]", line))]
    assert set(live) == {"gw0", "gw1"}
    assert sum("round 3 of" in line for line in result.errlines) == 6


def test_each_workload_of_a_round_is_measured_once_and_no_two_at_a_time(crowded: Ran) -> None:
    requests = crowded.suite.program.requests
    workloads = Counter(
        (entry["asked"]["round"], str(sorted(entry["asked"]["workload"].items()))) for entry in requests
    )
    assert set(workloads.values()) == {1}
    assert set(Counter(workload for _, workload in workloads).values()) == {3}
    assert len(workloads) == len(requests) == 3 * 6
    assert_apart(requests)


def test_the_recording_holds_what_every_worker_measured(crowded: Ran) -> None:
    written = read_recording(crowded.suite.path / "bench.json")
    assert written.complete
    assert {len(entry.rounds) for entry in written.evidence} == {3}
    assert len(written.evidence) == 6
    crowded.result.stdout.fnmatch_lines(["recorded: */bench.json, 6 workloads"])


def test_what_workers_shared_is_removed_with_the_run(crowded: Ran) -> None:
    assert list((crowded.suite.path / "tmp").glob("llm-claims-*")) == []


def said(row: Json) -> Json:
    """A row without its interval, which other comparisons moderate: those that were measured by then."""
    return {name: value for name, value in row.items() if name not in ("interval", "smallest", "spread")}


def test_the_verdicts_are_those_of_one_process(crowded: Ran, ran: Ran) -> None:
    alone = {case: said(row) for case, row in ran.suite.rows().items() if case[2] in ("paper", "cpu")}
    shared = {case: said(row) for case, row in crowded.suite.rows().items() if "asker" not in case[1]}
    assert list(shared.items()) == list(alone.items())  # in the same order, too


def test_two_runs_on_one_machine_never_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(tmp_path / "timing.lock"))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    suites = [build(path) for path in sorted(tmp_path.iterdir())]
    for suite in suites:
        suite.program.sleep(0.05)
    runs = [suite.start("-m", "cpu and live", "-k", "longer") for suite in suites]
    assert [(run.communicate(timeout=60), run.returncode)[1] for run in runs] == [0, 0]
    requests = [suite.program.requests for suite in suites]
    assert [len(asked) for asked in requests] == [12, 12]
    assert_apart([*requests[0], *requests[1]])


def test_workers_accept_verdicts_and_share_failures(suite: Miniature) -> None:
    suite.write_test(MANY, "test_many.py")
    suite.accept({})
    suite.program.misbehave("die", input_tokens=750)
    result = suite.run_apart("-m", "cpu", "-n", "2", "--snapshot-update")
    result.assert_outcomes(failed=8 + 2, passed=5 + 8, skipped=1, xfailed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert suite.accepted() == {case: line for case, line in ACCEPTED.items() if not re.match(r".*longer.*cpu", case)}
    assert Counter(new for _, inputs, new, _ in suite.program.asked if inputs == 750) == {64: 1, 128: 1}

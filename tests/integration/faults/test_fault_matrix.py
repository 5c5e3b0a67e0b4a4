"""Never leak: for every operation that the tier uses, everything that can go wrong with it, and then the sweep.

The operations are not listed here: they are what a client was seen to call when nothing went wrong.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.integration.faults.cases import CHANGES, EMULATED, IN_FLIGHT, KILLS, REFUSALS, SIGNALS, Case, Result

ROOT = Path(__file__).parents[3]
SCENARIOS = ("preflight", "train", "serve", "upload", "sweep", "sweep by age")
BENCHES = int(os.environ.get("LLM_CLAIMS_BENCHES", "3"))
"""How many work at a time on the whole matrix."""
# Where the permission is named otherwise than the call; None: everybody has it.
PERMISSIONS = {
    "sts:GetCallerIdentity": None,
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}


class BenchProcess:
    """A bench, as the test holds it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.faults.bench"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # Its launchers are those of a whole run, also under xdist: a worker sweeps its own alone.
            env={name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"},
        )

    def run(self, case: Case) -> Result:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(case)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the bench died of {case}"
        return Result(**json.loads(line))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@contextmanager
def benches(count: int) -> Iterator[queue.Queue[BenchProcess]]:
    idle: queue.Queue[BenchProcess] = queue.Queue(count)
    started = [BenchProcess() for _ in range(count)]
    for bench in started:
        idle.put(bench)
    try:
        yield idle
    finally:
        for bench in started:
            bench.close()


def run_all(cases: list[Case], idle: queue.Queue[BenchProcess]) -> dict[Case, Result]:
    """Run the cases, as many at a time as there are benches."""

    def run(case: Case) -> Result:
        bench = idle.get()
        try:
            return bench.run(case)
        finally:
            idle.put(bench)

    with ThreadPoolExecutor(idle.maxsize) as pool:
        return dict(zip(cases, pool.map(run, cases), strict=True))


def cases_of(seen: dict[str, list[str]]) -> list[Case]:
    """Every operation that was seen, with every fault.

    An operation that several scenarios call is tried in the first of them, and once more in a sweep: that must not
    fail over anything that it calls itself.
    """
    cases, tried = [], set[tuple[bool, str, str]]()
    for scenario in SCENARIOS:
        launched = not scenario.startswith("sweep")
        for operation in dict.fromkeys(call.partition(":")[2] for call in seen[scenario]):
            for fault in faults_of(operation, launched):
                # What the emulator cannot tell apart is one thing to refuse.
                named = EMULATED.get(operation, operation) if fault in REFUSALS else operation
                if (launched, named, fault) not in tried:
                    tried.add((launched, named, fault))
                    cases.append(Case(scenario, operation, fault))
    return cases


def faults_of(operation: str, launched: bool) -> tuple[str, ...]:
    if not operation.startswith(CHANGES):
        return (*REFUSALS, *KILLS)
    return (*REFUSALS, *KILLS, IN_FLIGHT, *(SIGNALS if launched else ()))


def sampled(cases: list[Case]) -> list[Case]:
    """Every fault once, at launches and in sweeps by turns, each of another operation if there are as many."""
    by_fault: dict[str, list[Case]] = {}
    for case in cases:
        by_fault.setdefault(case.fault, []).append(case)
    found: list[Case] = []
    for number, of_fault in enumerate(by_fault.values()):
        tried = {case.operation for case in found}
        in_sweeps = number % 2 == 1
        turn = [case for case in reversed(of_fault) if case.scenario.startswith("sweep") == in_sweeps] or of_fault
        found.append(next((case for case in turn if case.operation not in tried), turn[0]))
    return found


def table(results: dict[Case, Result]) -> str:
    """One line an operation: how many cases, and what came of them."""
    rows: dict[str, list[Result]] = {}
    for case, result in results.items():
        rows.setdefault(case.operation, []).append(result)
    lines = [f"{'operation':28}{'cases':>6}{'leaked':>8}{'touched':>9}{'untrue':>8}{'seconds':>9}"]
    for operation, found in sorted(rows.items()):
        lines.append(f"{operation:28}" + _figures(found))
    return "\n".join([*lines, f"{f'all {len(rows)} operations':28}" + _figures(list(results.values()))])


def _figures(results: list[Result]) -> str:
    leaked, touched = (sum(len(getattr(one, of)) for one in results) for of in ("left", "touched"))
    untrue = sum(bool(one.said_clean and one.left_then) for one in results)
    return f"{len(results):6}{leaked:8}{touched:9}{untrue:8}{sum(one.seconds for one in results):9.1f}"


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["each-fault", "all"])
def test_nothing_leaks_and_nothing_of_others_is_touched(capsys: pytest.CaptureFixture[str], whole: bool) -> None:
    with benches(BENCHES if whole else 1) as idle:
        plain = run_all([Case(scenario, "none", "none") for scenario in SCENARIOS], idle)
        assert failures(plain) == ""
        seen = {case.scenario: result.calls for case, result in plain.items()}
        cases = cases_of(seen)
        assert len({case.operation for case in cases}) >= 39, "the scenarios call less than they did"
        results = run_all(cases if whole else sampled(cases), idle)
    with capsys.disabled():
        print(f"\n{table(results)}\n{len(results)} of {len(cases)} cases")
    if found := failures(results):
        pytest.fail(found, pytrace=False)
    assert {call for calls in seen.values() for call in calls if not is_allowed("run-role.json", call)} == set()
    swept = {call for scenario in ("sweep", "sweep by age") for call in seen[scenario]}
    assert {call for call in swept if not is_allowed("sweep-role.json", call)} == set()


def failures(results: dict[Case, Result]) -> str:
    found = {case: wrong for case, result in results.items() if (wrong := result.wrong(case))}
    return "\n\n".join(f"{case}: {'; '.join(wrong)}\n{results[case].output}" for case, wrong in found.items())


def is_allowed(policy: str, call: str) -> bool:
    """Whether a policy of the repository lists the permission that a call needs."""
    needed = PERMISSIONS.get(call, call)
    listed = json.loads((ROOT / ".github" / "aws" / policy).read_text(encoding="utf-8"))["Statement"]
    return needed is None or any(needed in statement["Action"] for statement in listed)

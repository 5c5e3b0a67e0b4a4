"""Whatever ends a run early, no program and no temporary folder is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from llm_claims.evidence.recordings import read_recording

from .miniature import ALSO_WITH_WORKERS, Miniature, assert_refused, lives

LIVE = ("-m", "cpu and live", "--sample-timeout", "50")


@pytest.fixture
def hanging(suite: Miniature, temporary: Path) -> Miniature:
    """A suite whose last live case hangs, when the others have their verdicts."""
    suite.program.misbehave("hang", prompts=8)
    return suite


def soon(happened: Callable[[], object]) -> bool:
    """Wait until something has happened; not for long."""
    deadline = time.monotonic() + 30
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(happened())


def hangs(suite: Miniature) -> bool:
    return any(entry["asked"]["workload"]["prompts"] == 8 for entry in suite.program.requests)


def ended(suite: Miniature) -> bool:
    """Whether no process of the program lives."""
    return not any(map(lives, suite.program.pids))


def end(run: subprocess.Popen[str]) -> str:
    said, errors = run.communicate(timeout=60)
    assert "Traceback" not in said + errors
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    return said


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGTERM, 5)], ids=["SIGINT", "SIGTERM"])
def test_the_report_says_so_and_nothing_is_left_behind(
    hanging: Miniature, temporary: Path, number: signal.Signals, times: int
) -> None:
    """A second signal does not disturb the end."""
    run = hanging.start(*LIVE, "--record", "bench.json")
    assert soon(lambda: hangs(hanging))
    assert list(temporary.iterdir())
    for _ in range(times):
        run.send_signal(number)
    said = end(run).splitlines()
    assert "this run was interrupted: its report ends with what was judged until then" in said
    assert "This run was interrupted: " in (hanging.path / "report/part/index.html").read_text(encoding="utf-8")
    judged = {case for case, word in hanging.words("cpu").items() if word != "error"}
    assert judged == {("input-costs", "new64"), ("input-costs", "new128"), ("tokens-double", "")}
    assert not read_recording(hanging.path / "bench.json").complete
    assert ended(hanging)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("whom", "workers"), [("controller", "2"), pytest.param("worker", "1", marks=pytest.mark.slow)]
)
def test_workers_leave_nothing_behind(hanging: Miniature, temporary: Path, whom: str, workers: str) -> None:
    run = hanging.start(*LIVE, "-n", workers)
    assert soon(lambda: hangs(hanging))
    *_, request = hanging.program.requests
    worker = psutil.Process(request["pid"]).ppid()
    assert worker != run.pid
    os.kill(run.pid if whom == "controller" else worker, signal.SIGTERM)
    end(run)
    assert soon(lambda: ended(hanging))
    assert soon(lambda: not list(temporary.iterdir()))


@ALSO_WITH_WORKERS
def test_a_killed_run_leaves_nothing_behind_either(suite: Miniature, temporary: Path, workers: tuple[str, ...]) -> None:
    suite.program.sleep(0.5)
    run = suite.start(*LIVE, *workers)
    assert soon(lambda: suite.program.requests)
    assert list(temporary.iterdir())
    left_behind = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.communicate(timeout=60)
    # Workers, their programs, and the janitor.
    assert psutil.wait_procs(left_behind, timeout=30)[1] == []
    assert ended(suite)
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
def test_a_killed_run_leaves_what_it_measured_beside_its_recording(suite: Miniature) -> None:
    suite.program.sleep(0.5)
    run = suite.start(*LIVE, "--record", "bench.json")
    left = suite.path / "bench.json.partial"
    assert soon(left.exists)
    run.kill()
    run.communicate(timeout=60)
    assert not (suite.path / "bench.json").exists()
    again = suite.run(*LIVE, "--record", "bench.json")
    assert_refused(again, "a run that was cut short, or still goes on, left bench.json.partial: rename it to keep it")
    written = read_recording(left.rename(suite.path / "cut-short.json"))
    assert (written.name, written.complete, written.measured_on) == ("bench", False, "cpu")
    assert [entry.rounds for entry in written.evidence] == [(1,)]


def test_a_run_without_claims_ends_as_ever(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import os, signal\ndef test_it():\n    os.kill(os.getpid(), signal.SIGTERM)\n")
    assert pytester.runpytest_subprocess().ret == -signal.SIGTERM

"""``--record FILE`` writes what was measured live to a new recording."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from llm_claims.evidence.recordings import read_recording
from tests.unit.fake_gpus import H100, put_gpus

from .conftest import Ran
from .miniature import ALSO_WITH_WORKERS, COMMIT, INI, FakeProgram, Miniature, assert_refused, recording
from .test_interrupt import soon

LIVE = ("-m", "cpu and live")
QUICK = (*LIVE, "--claim", "tokens-double")
BOTH = ("-m", "live", "--claim", "tokens-double", "--record", "mine.json")
OWN_SOURCES = """
from llm_claims.sources.local import LocalSource
from llm_claims.workloads.hardware import Processor

def pytest_claims_sources(suite):
    for name in {}:
        box = LocalSource(Processor(), suite.store, program=suite.options.cpu_program)
        box.name = name
        yield box
"""
HELD = "another run that goes on now records to this file: wait for its end, or name another file"


@pytest.fixture
def gpu_program(suite: Miniature, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeProgram:
    """What runs on the one GPU of this machine, beside the suite's program on its processor."""
    put_gpus(tmp_path / "bin", monkeypatch, H100)
    folder = suite.path / "of_gpu"
    folder.mkdir()
    program = FakeProgram(folder)
    program.run_on("cuda")
    ini = INI.format(program=suite.program.command).partition("claims_gpu_program")[0]
    suite.write("pytest.ini", f"{ini}claims_gpu_program = {program.command}\n")
    return program


def files(suite: Miniature) -> set[str]:
    """The recordings of a run, whole or not."""
    return {path.name for path in suite.path.glob("mine*")}


def test_what_was_measured_is_written_with_how_to_run_it_again(ran: Ran) -> None:
    ran.result.stdout.fnmatch_lines([f"recorded: {ran.suite.path}/bench.json, 6 workloads"])
    written = read_recording(ran.suite.path / "bench.json")
    assert (written.name, written.documented, written.complete, written.most_rounds) == ("bench", False, True, 1000)
    assert (written.measured_on, written.recorded) == ("cpu", date.today())
    assert written.spent_seconds is not None
    assert 0 < written.spent_seconds.busy <= written.spent_seconds.whole
    seeds = {entry["asked"]["round"]: entry["asked"]["seed"] for entry in ran.suite.program.requests}
    for entry in written.evidence:
        assert len(entry.rounds) == len(entry.metrics["latency_seconds"].samples) == 3
        assert entry.metrics["new_tokens_per_sequence"].spread == "exact"
        assert entry.witness is not None
        provenance = entry.provenance
        assert (provenance.kind, provenance.hardware) == ("measured", "a fake, 0 cores")
        assert provenance.software == {"fake": "1.0"}
        assert provenance.seeds == tuple(seeds[number] for number in entry.rounds)
        assert (provenance.commit, provenance.date) == (COMMIT, date.today())
        assert provenance.command is not None
        assert provenance.command.startswith("python ")
        assert "fake_program.py" in provenance.command


def test_it_can_be_read_back_as_a_column_of_its_own(ran: Ran, suite: Miniature) -> None:
    suite.write("fixtures/recordings/bench.json", (ran.suite.path / "bench.json").read_text(encoding="utf-8"))
    result = suite.run("-m", "cpu and not live", "--snapshot-update")
    result.assert_outcomes(passed=7, skipped=1, xfailed=2, deselected=15)
    assert suite.program.log == []
    rows = suite.rows()
    for (claim, case, source), live in ran.suite.rows().items():
        if source == "cpu":
            row = rows[claim, case, "bench"]
            assert row["verdict"] == live["verdict"]
            assert row["effect"] == (pytest.approx(live["effect"]) if live["effect"] else None)


def test_it_is_written_beside_where_one_stands_and_says_how_many_rounds_there_could_be(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suite.path / "fixtures")
    suite.run("..", *QUICK, "--rounds", "4", "--record", "recordings/bench.json")
    written = read_recording(suite.path / "fixtures/recordings/bench.json")
    assert (len(written.evidence), written.most_rounds) == (2, 4)


def test_it_is_written_though_a_case_fails_and_a_run_that_failed_makes_it_incomplete(suite: Miniature) -> None:
    suite.accept({})
    suite.run(*LIVE, "--record", "whole.json").assert_outcomes(passed=3, xfailed=1, skipped=1, deselected=15)
    assert read_recording(suite.path / "whole.json").complete
    assert not list(suite.path.glob("*.partial"))
    suite.program.misbehave("die", input_tokens=750, new_tokens=64)
    suite.run(*LIVE, "--record", "part.json").assert_outcomes(failed=1, passed=2, xfailed=1, skipped=1, deselected=15)
    written = read_recording(suite.path / "part.json")
    assert not written.complete
    assert len(written.evidence) == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("file.json", "file.json: the file exists, and a recording is never overwritten"),
        ("link.json", "link.json: the file exists, and a recording is never overwritten"),
        ("dangling.json", "dangling.json: the file exists, and a recording is never overwritten"),
        ("loop.json", "loop.json: the file exists, and a recording is never overwritten"),
        ("loop/bench.json", "there is no folder"),
        ("nowhere/bench.json", "there is no folder"),
        (f"{'n' * 249}.json", "name too long"),
        ("My_Run.json", "name it NAME.json"),
        ("cpu.json", "cpu.json"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(suite: Miniature, name: str, words: str) -> None:
    precious = suite.write("file.json", "precious")
    (suite.path / "link.json").symlink_to(precious)
    (suite.path / "dangling.json").symlink_to(suite.path / "gone")
    for loop in ("loop.json", "loop"):
        (suite.path / loop).symlink_to(suite.path / loop)
    assert_refused(suite.run(*LIVE, "--record", name), "--record", words)
    assert suite.program.log == []
    assert precious.read_text(encoding="utf-8") == "precious"


def test_a_file_that_came_meanwhile_is_not_overwritten(suite: Miniature) -> None:
    suite.write_test(
        'def test_another_run():\n    with open("bench.json", "x") as stream:\n        stream.write("precious")\n',
        "test_other.py",
    )
    selected = "another or (tokens and cpu)"
    result = suite.run("--record", "bench.json", "test_other.py", "test_claims.py", "-k", selected)
    assert (suite.path / "bench.json").read_text(encoding="utf-8") == "precious"
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    kept = suite.path / "bench.json.partial"
    result.stdout.fnmatch_lines(
        [f"error: *bench.json exists: a recording is never overwritten. * What was measured is in {kept}."]
    )
    assert [len(entry.rounds) for entry in read_recording(kept).evidence] == [3, 3]


@pytest.mark.parametrize("arguments", [("-m", "cpu and not live"), QUICK, ("--collect-only",)], ids=" ".join)
def test_nothing_measured_is_nothing_written(suite: Miniature, arguments: tuple[str, ...]) -> None:
    """Recordings were read, every run failed, or nothing ran."""
    suite.program.misbehave("fail")
    result = suite.run(*arguments, "--record", "bench.json")
    assert ("nothing was measured live, so" in result.stdout.str()) == ("--collect-only" not in arguments)
    assert not (suite.path / "bench.json").exists()


def test_a_report_that_cannot_be_written_costs_no_recording(suite: Miniature) -> None:
    suite.write_test('import os\ndef test_another():\n    os.makedirs("report/part/index.html")\n', "test_other.py")
    selected = "another or (tokens and cpu)"
    result = suite.run("--record", "bench.json", "test_other.py", "test_claims.py", "-k", selected)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["error: *index.html*", "recorded: *bench.json, 2 workloads"])
    assert len(read_recording(suite.path / "bench.json").evidence) == 2


@pytest.mark.usefixtures("gpu_program")
@ALSO_WITH_WORKERS
def test_each_source_that_measured_has_a_file_of_its_own(suite: Miniature, workers: tuple[str, ...]) -> None:
    result = suite.run_apart(*BOTH, *workers)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    assert files(suite) == {"mine-cpu.json", "mine-gpu.json"}
    for source in ("cpu", "gpu"):
        result.stdout.fnmatch_lines([f"recorded: {suite.path}/mine-{source}.json, 2 workloads"])
        written = read_recording(suite.path / f"mine-{source}.json")
        assert (written.name, written.measured_on) == (f"mine-{source}", source)
        assert {entry.witness.device for entry in written.evidence} == {"cuda" if source == "gpu" else "cpu"}


def test_the_file_of_an_own_source_has_a_name_that_a_recording_can_have(suite: Miniature) -> None:
    suite.write("conftest.py", OWN_SOURCES.format(["My_Box"]))
    suite.run(*BOTH).stdout.fnmatch_lines(["recorded: *mine-cpu.json, 2 *", "recorded: *mine-my-box.json, 2 *"])
    assert read_recording(suite.path / "mine-my-box.json").measured_on == "My_Box"


def test_one_source_alone_has_the_file_that_is_named(suite: Miniature) -> None:
    suite.run(*BOTH).stdout.fnmatch_lines([f"recorded: {suite.path}/mine.json, 2 workloads"])
    assert files(suite) == {"mine.json"}


def test_a_source_that_failed_leaves_the_recording_of_another_complete(
    suite: Miniature, gpu_program: FakeProgram
) -> None:
    gpu_program.misbehave("die", new_tokens=128)
    suite.run("-m", "live", "--record", "mine.json")
    assert [read_recording(suite.path / f"mine-{name}.json").complete for name in ("cpu", "gpu")] == [True, False]


@pytest.mark.parametrize(
    ("name", "words", "workers"),
    [
        ("mine-gpu.json", "mine-gpu.json: the file exists, and a recording is never overwritten", ()),
        ("mine-cpu.json.partial", "mine-cpu.json: a run that was cut short, or still goes on, left mine-cpu.json.", ()),
        ("fixtures/recordings/mine-gpu.json", "'mine-gpu' is a source already", ("-n", "1")),
    ],
)
def test_a_file_of_one_source_that_cannot_be_written_is_refused_at_once(
    suite: Miniature, name: str, words: str, workers: tuple[str, ...]
) -> None:
    suite.write_recording(recording("mine-gpu"), name)
    report = suite.write("report/part/verdicts.json", "of an earlier run")
    said = (words, "several live sources", "Choose another name, or one source with -m.")
    result = (suite.run_apart if workers else suite.run)(*BOTH, *workers)
    assert_refused(result, "--record", *said)
    result.stdout.no_fnmatch_line("*not run because*")
    assert report.read_text(encoding="utf-8") == "of an earlier run"
    assert suite.program.log == []
    suite.run(*QUICK, "--record", "mine.json").stdout.fnmatch_lines(["recorded: *mine.json, 2 workloads"])
    assert (suite.path / name).exists()


def test_two_sources_never_share_a_file(suite: Miniature) -> None:
    suite.write("conftest.py", OWN_SOURCES.format(["My_Box", "my-box"]))
    assert_refused(suite.run("-m", "live", "--record", "mine.json"), "--record", "two would have one file", "-m")
    assert suite.program.log == []


def test_a_file_of_a_source_that_is_not_loaded_is_nobodys(suite: Miniature) -> None:
    suite.write_recording(recording("mine-sagemaker"), "mine-sagemaker.json")
    result = suite.run("--claim", "tokens-double", "--record", "mine.json")
    result.stdout.fnmatch_lines(["recorded: *mine.json, 2 workloads"])


@pytest.mark.usefixtures("temporary")
def test_a_killed_run_leaves_what_each_source_measured(suite: Miniature, gpu_program: FakeProgram) -> None:
    gpu_program.misbehave("hang", new_tokens=128)
    run = suite.start("-m", "live", "--claim", "input-costs", "--record", "mine.json")
    assert soon(lambda: files(suite) == {"mine-cpu.json.partial", "mine-gpu.json.partial"})
    run.kill()
    run.communicate(timeout=60)
    for source in ("cpu", "gpu"):
        written = read_recording(suite.path / f"mine-{source}.json.partial")
        assert (written.name, written.measured_on, written.complete) == (f"mine-{source}", source, False)


@pytest.mark.usefixtures("gpu_program")
def test_a_file_that_came_meanwhile_costs_no_other_source_its_recording(suite: Miniature) -> None:
    suite.write_test('def test_another_run():\n    open("mine-cpu.json", "x").close()\n', "test_other.py")
    result = suite.run("--record", "mine.json", "test_other.py", "test_claims.py", "-k", "another or (tokens and live)")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    kept = "mine-cpu.json.partial"
    assert files(suite) == {"mine-cpu.json", kept, "mine-gpu.json"}
    result.stdout.fnmatch_lines(
        [f"recorded: {suite.path}/mine-gpu.json, 2 workloads", f"error: *What was measured is in {suite.path}/{kept}."]
    )
    assert len(read_recording(suite.path / kept).evidence) == 2


@pytest.mark.usefixtures("temporary")
def test_a_second_run_with_the_same_file_is_refused_at_once(suite: Miniature) -> None:
    suite.program.misbehave("hang")
    run = suite.start(*LIVE, "--record", "mine.json")
    assert soon(lambda: suite.program.requests)
    suite.program.forget()
    for name in ("mine.json", "fixtures/../mine.json", str(suite.path / "mine.json")):
        assert_refused(suite.run(*LIVE, "--record", name), "--record", f"mine.json: {HELD}")
    assert suite.program.log == []
    run.kill()
    run.communicate(timeout=60)
    suite.run("-m", "cpu and not live", "--record", "mine.json").assert_outcomes(passed=4, xfailed=1, deselected=15)


@pytest.mark.usefixtures("gpu_program", "temporary")
def test_a_run_that_records_to_the_file_of_one_source_is_seen_too(suite: Miniature) -> None:
    suite.program.misbehave("hang")
    run = suite.start(*LIVE, "--record", "mine-cpu.json")
    assert soon(lambda: suite.program.requests)
    assert_refused(suite.run(*BOTH), f"mine-cpu.json: {HELD}")
    run.kill()
    run.communicate(timeout=60)


def test_where_no_lock_can_be_taken_the_run_says_so(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(suite.path / "pytest.ini"))
    result = suite.run(*LIVE, "--capture=sys", "--record", "mine.json")
    assert_refused(result, "mine.json: no lock file can be made", "name a folder for temporary files in TMPDIR")


def test_what_a_worker_keeps_late_is_removed_at_the_end(suite: Miniature) -> None:
    """A worker that still measures keeps it when the recording is written: here a plugin does, in its place."""
    hook = "@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish():\n"
    late = '    assert pathlib.Path("mine.json").exists()\n    pathlib.Path("mine.json.partial").touch()\n'
    suite.write("conftest.py", f"import pathlib\nimport pytest\n{hook}{late}")
    suite.run(*QUICK, "--record", "mine.json").stdout.fnmatch_lines(["recorded: *mine.json, 2 workloads"])
    assert files(suite) == {"mine.json"}

"""The command `llm-claims`: what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import failed, measured, printed_metric, recording, reported, sampled_metric

from llm_claims.cli import main
from llm_claims.evidence.recordings import read_recording, write_recording
from llm_claims.evidence.times import Times
from llm_claims.report.schemas import schema_texts
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading

PAPER = recording(
    reported(Generation(), "g5.2xlarge", latency_seconds=printed_metric("latency_seconds", 5.1, 0.1)),
    failed(Loading(model="llama-7b"), "out_of_memory", "Killed"),
    documented=True,
)
GENERATION = Generation(
    model="llama-30m",
    precision="fp32",
    engine="transformers",
    api="generate",
    tensor_parallel_degree=1,
    input_tokens=10,
)
LATENCY = sampled_metric("latency_seconds", 1.0, 1.1, 1.2)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder with three recordings; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    write_recording(PAPER, Path("paper.json"))
    for new_tokens, name in enumerate(("morning", "evening"), start=1):
        entry = measured(GENERATION.model_copy(update={"new_tokens": new_tokens}), latency_seconds=LATENCY)
        took = Times(40.0, setup=10.0, compiling=0.0, measuring=30.0, untold=0.0) if name == "evening" else None
        whole = recording(entry, name=name, measured_on="cpu", spent_seconds=took)
        write_recording(whole, Path(f"{name}.json"))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        return code, *capsys.readouterr()

    return call


def test_check_lists_what_recordings_hold(run: Run) -> None:
    code, out, err = run("check", "paper.json", "evening.json")
    assert (code, err) == (0, "")
    assert out.splitlines()[:5] == [
        "paper.json: paper, Figures of a made-up document, 2 workloads",
        "  Generation() on g5.2xlarge: completed, latency_seconds",
        "  Loading(model=llama-7b): out_of_memory, no metric",
        "evening.json: evening, Figures of a made-up document, 1 workload",
        "  made in 40 s: measuring 30 s (75%), set-up 10 s (25%)",
    ]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (
            ["spoiled.json"],
            "spoiled.json: not every number is finite:\n  evidence[0].metrics.latency_seconds.samples[0]",
        ),
        (["paper.json"], "paper.json is given twice"),
        (["copy.json"], "paper.json and copy.json are both named 'paper'"),
        (["none.json"], "No such file"),
    ],
)
def test_check_refuses(run: Run, others: list[str], said: str) -> None:
    text = Path("paper.json").read_text()
    Path("copy.json").write_text(text)
    Path("spoiled.json").write_text(text.replace("5.1", "NaN"))
    code, out, err = run("check", "paper.json", *others)
    assert (code, out) == (4, "")
    assert err.startswith("llm-claims: ")
    assert said in err


def test_merge_writes_one_recording_of_several(run: Run) -> None:
    again = read_recording(Path("morning.json")).model_copy(update={"name": "again"})
    write_recording(again, Path("again.json"))
    code, out, _ = run("merge", "morning.json", "evening.json", "again.json", "--into", "day.json")
    first, second = out.splitlines()
    assert (code, first) == (0, "day.json: day, Figures of a made-up document, 2 workloads")
    assert second.startswith("  taken from again, not from morning: Generation(model=llama-30m, ")
    assert [entry.occasion for entry in read_recording(Path("day.json")).evidence] == [3, 2]


def test_recordings_of_one_name_can_be_merged(run: Run) -> None:
    write_recording(read_recording(Path("evening.json")).model_copy(update={"name": "morning"}), Path("later.json"))
    assert run("merge", "morning.json", "later.json", "--into", "day.json")[0] == 0
    code, _, err = run("merge", "morning.json", "morning.json", "--into", "twice.json")
    assert (code, "morning.json is given twice" in err) == (4, True)


@pytest.mark.parametrize(
    ("first", "into", "said"),
    [
        ("evening.json", "morning.json", "the file exists, and a recording is never overwritten"),
        ("evening.json", "Day.json", "name it NAME.json"),
        ("evening.json", "day.txt", "name it NAME.json"),
        ("evening.json", "none/day.json", "there is no folder"),
        ("paper.json", "day.json", "documented: paper and morning"),
    ],
)
def test_merge_leaves_nothing_of_what_it_refuses(run: Run, first: str, into: str, said: str) -> None:
    before = sorted(os.listdir())
    code, _, err = run("merge", first, "morning.json", "--into", into)
    assert code == 4
    assert said in err
    assert sorted(os.listdir()) == before


OUTPUT = "TrainOutput(global_step=30, training_loss=1.5, metrics={'train_runtime': 12.5, 'train_loss': 1.5})\n"


@pytest.mark.parametrize("format", [[], ["hf-trainer"], ["auto"]], ids=["left out", "named", "auto"])
def test_import_writes_a_recording_and_lists_its_figures(run: Run, format: list[str]) -> None:
    Path("run.log").write_text(OUTPUT)
    code, out, err = run("import", *format, "run.log", "--into", "new.json", "--set", "model=llama-7b")
    assert (code, err) == (0, "")
    assert out.splitlines()[:3] == [
        "new.json: new, Imported from run.log, 1 run",
        "  Training(model=llama-7b):",
        "    train_loss = 1.5 nats (run.log, line 1)",
    ]
    assert read_recording(Path("new.json")).documented


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run.log", "--into", "paper.json"], "the file exists, and a recording is never overwritten"),
        (["run.log", "--into", "new.json", "--set", "modle=x"], "did you mean 'model'?"),
        (["run.log", "--into", "new.json", "--format", "hf-trainr"], "no such format: did you mean hf-trainer?"),
        (["none.log", "--into", "new.json"], "No such file"),
    ],
)
def test_import_leaves_nothing_of_what_it_refuses(run: Run, arguments: list[str], said: str) -> None:
    Path("run.log").write_text(OUTPUT)
    before = sorted(os.listdir())
    code, out, err = run("import", *arguments)
    assert (code, out) == (4, "")
    assert said in err
    assert sorted(os.listdir()) == before


def test_schemas_are_written_and_listed(run: Run) -> None:
    code, out, _ = run("schemas", "schemas")
    assert code == 0
    assert out.splitlines() == [f"schemas/{name}" for name in schema_texts()]
    assert sorted(os.listdir("schemas")) == sorted(schema_texts())
    assert run("schemas", "paper.json")[0] == 4, "a file is no folder"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no_such_module:Kind", "name an importable MODULE:CLASS (No module named 'no_such_module')"),
        ("llm_claims.errors:Kind", "name an importable MODULE:CLASS"),
        ("llm_claims.errors", "name an importable MODULE:CLASS"),
        ("", "name an importable MODULE:CLASS"),
        ("llm_claims.errors:UsageError", "is no subclass of llm_claims.Workload"),
    ],
)
def test_a_kind_that_is_none_is_refused(run: Run, kind: str, said: str) -> None:
    code, _, err = run("check", "paper.json", "--kind", kind)
    assert code == 4
    assert f"llm-claims: --kind {kind}" in err
    assert said in err


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["advise"], ["schemas"], ["merge"], ["merge", "one.json"]], ids=str
)
def test_a_wrong_command_is_an_error_of_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: llm-claims" in capsys.readouterr().err


def test_the_module_ends_with_the_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "paper.json"
    path.write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "llm_claims.cli", "check", str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"llm-claims: {path}: not JSON, or cut short")


def test_a_reader_who_has_read_enough_is_no_error(run: Run) -> None:
    command = [sys.executable, "-m", "llm_claims.cli", "check", "paper.json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")

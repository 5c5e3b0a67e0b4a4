"""The command `llm-claims`: what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import failed, measured, printed_metric, recording, reported, sampled_metric

from llm_claims.cli import main
from llm_claims.evidence.recordings import read_recording, write_recording
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


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.json"
    write_recording(PAPER, path)
    return path


def test_check_lists_what_a_recording_holds(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(paper)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{paper}: paper, Figures of a made-up document, 2 workloads",
        "  Generation() on g5.2xlarge: completed, latency_seconds",
        "  Loading(model=llama-7b): out_of_memory, no metric",
    ]
    assert err == ""


def test_check_takes_several(paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    write_recording(PAPER.model_copy(update={"name": "other"}), other)
    assert main(["check", str(paper), str(other)]) == 0
    assert "other.json: other, " in capsys.readouterr().out


def test_check_refuses_a_spoiled_recording(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paper.write_text(paper.read_text().replace("5.1", "NaN"))
    assert main(["check", str(paper)]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"llm-claims: {paper}: ")
    assert "evidence[0].metrics.latency_seconds.samples[0]: nan is not a measurement" in err


def test_check_refuses_one_recording_twice(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(paper), str(paper)]) == 4
    assert f"{paper} is given twice" in capsys.readouterr().err


def test_check_refuses_two_of_one_name(paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    write_recording(PAPER, other)
    assert main(["check", str(paper), str(other)]) == 4
    assert "are both named 'paper'" in capsys.readouterr().err


def test_check_refuses_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.json")]) == 4
    assert "No such file" in capsys.readouterr().err


@pytest.fixture
def occasions(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "morning.json", tmp_path / "evening.json"]
    for new_tokens, path in enumerate(paths, start=1):
        entry = measured(GENERATION.model_copy(update={"new_tokens": new_tokens}), latency_seconds=LATENCY)
        write_recording(recording(entry, name=path.stem, measured_on="cpu"), path)
    return list(map(str, paths))


def test_merge_writes_one_recording_of_several(
    occasions: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = tmp_path / "day.json"
    assert main(["merge", *occasions, "--into", str(day)]) == 0
    assert capsys.readouterr().out == f"{day}: day, Figures of a made-up document, 2 workloads\n"
    assert [entry.occasion for entry in read_recording(day).evidence] == [1, 2]


def test_merge_says_what_was_measured_again(
    occasions: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.json"
    write_recording(read_recording(Path(occasions[0])).model_copy(update={"name": "again"}), again)
    assert main(["merge", *occasions, str(again), "--into", str(tmp_path / "day.json")]) == 0
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert line.startswith("  taken from again, and no more from morning: Generation(model=llama-30m, ")


@pytest.mark.parametrize(
    ("into", "said"),
    [
        ("morning.json", "the file exists, and a recording is never overwritten"),
        ("Day.json", "name it NAME.json"),
        ("day.txt", "name it NAME.json"),
        ("none/day.json", "there is no folder"),
    ],
)
def test_merge_needs_a_place_for_a_recording(
    occasions: list[str], tmp_path: Path, into: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir(tmp_path))
    assert main(["merge", *occasions, "--into", str(tmp_path / into)]) == 4
    assert said in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == before


def test_merge_leaves_nothing_of_what_it_refuses(
    paper: Path, occasions: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["merge", str(paper), *occasions, "--into", str(tmp_path / "day.json")]) == 4
    assert "documented: paper and morning" in capsys.readouterr().err
    assert not (tmp_path / "day.json").exists()


def test_schemas_are_written_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "schemas"
    assert main(["schemas", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(folder / name) for name in schema_texts()]
    assert sorted(os.listdir(folder)) == sorted(schema_texts())


def test_a_folder_that_cannot_be_written_is_an_error(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemas", str(paper)]) == 4
    assert capsys.readouterr().err.startswith("llm-claims: ")


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["advise"], ["schemas"], ["merge"], ["merge", "one.json"]], ids=str
)
def test_a_wrong_command_is_an_error_of_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: llm-claims" in capsys.readouterr().err


def test_the_module_ends_with_the_exit_code(paper: Path) -> None:
    paper.write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "llm_claims.cli", "check", str(paper)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"llm-claims: {paper}: not JSON, or cut short")

"""The command `llm-claims`: what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import failed, printed_metric, recording, reported

from llm_claims.cli import main
from llm_claims.recordings import write_recording
from llm_claims.schemas import schema_texts
from llm_claims.workloads import Generation, Loading

PAPER = recording(
    reported(Generation(), "g5.2xlarge", latency_seconds=printed_metric("latency_seconds", 5.1, 0.1)),
    failed(Loading(model="llama-7b"), "out_of_memory", "Killed"),
    documented=True,
)


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
    assert "are both named 'paper'" in capsys.readouterr().err


def test_check_refuses_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.json")]) == 4
    assert "No such file" in capsys.readouterr().err


def test_schemas_are_written_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "schemas"
    assert main(["schemas", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(folder / name) for name in schema_texts()]
    assert sorted(os.listdir(folder)) == sorted(schema_texts())


def test_a_folder_that_cannot_be_written_is_an_error(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemas", str(paper)]) == 4
    assert capsys.readouterr().err.startswith("llm-claims: ")


@pytest.mark.parametrize("arguments", [[], ["check"], ["advise"], ["schemas"]], ids=str)
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

from __future__ import annotations

import sys

import pytest

from llm_claims.sagemaker.containers import commands
from llm_claims.sagemaker.containers.commands import command_of


@pytest.mark.parametrize(
    ("program", "device", "command"),
    [
        ("generate", "cpu", ["llm_claims.workloads.generation.program"]),
        ("generate", "cuda", ["llm_claims.workloads.generation.program", "--device", "cuda", "--calls", "1"]),
        ("train", "cuda", ["llm_claims.workloads.training.program", "--device", "cuda"]),
        ("load", "cuda", ["llm_claims.workloads.loading.program"]),
        ("document", "cuda", ["llm_claims.sagemaker.containers.document.program"]),
    ],
)
def test_the_environment_names_the_program(program: str, device: str, command: list[str]) -> None:
    found = command_of({"LLM_CLAIMS_PROGRAM": program, "LLM_CLAIMS_DEVICE": device})
    assert found == [sys.executable, "-m", *command]


def test_another_program_is_refused() -> None:
    with pytest.raises(
        RuntimeError, match="LLM_CLAIMS_PROGRAM is 'rm': set it to one of generate, load, train, document"
    ):
        command_of({"LLM_CLAIMS_PROGRAM": "rm"})


def test_an_old_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LEAST_PYTHON", (99, 0))
    with pytest.raises(RuntimeError, match="use --stack document"):
        command_of({"LLM_CLAIMS_PROGRAM": "train"})
    assert command_of({"LLM_CLAIMS_PROGRAM": "document"})

"""Fixtures for the tests of programs; what takes seconds is made once, when it is first needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts import Start, starting
from warm import PROGRAM, Fork, Train, Warm, training

from llm_claims.workloads.protocol import Answer


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run scripts."""
    yield from starting(tmp_path)


@pytest.fixture(scope="session")
def training_program(warm: Warm) -> Iterator[Fork]:
    """The training program, ready to be asked; it has imported Keras, which every run would do anew."""
    program = warm.fork(f"import llm_claims.workloads.training.keras_fit\n{PROGRAM}")
    program.ready()
    yield program
    program.hang_up()


@pytest.fixture(scope="session")
def train(training_program: Fork) -> Train:
    """Have the training program run a workload. The same question with the same seed is asked once only."""
    answers: dict[str, Answer] = {}

    def ask(seed: int = 7, again: bool = False, **fields: Any) -> Answer:
        workload = training(**fields)
        key = f"{workload.digest} {seed}"
        if again or key not in answers:
            answers[key] = training_program.ask(workload, seed)
        return answers[key]

    return ask


@pytest.fixture(scope="session")
def base(training_program: Fork, train: Train) -> Path:
    """The folder of the base model."""
    train(samples=8)
    (folder,) = training_program.temporary
    return folder / "llama-tiny"

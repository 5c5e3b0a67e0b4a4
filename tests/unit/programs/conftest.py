"""Fixtures for the tests of programs; what takes seconds is made once, when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from warm import PROGRAM, Fork, Warm, forks, training

from llm_claims.programs.protocol import Answer

Forker = Callable[..., Fork]
Train = Callable[..., Answer]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """The process that is forked; see `warm`."""
    process = Warm(tmp_path_factory.mktemp("warm"))
    yield process
    process.close()


@pytest.fixture
def fork(warm: Warm) -> Iterator[Forker]:
    """Run code in a fork of the warm process; nothing of it may be left after the test."""
    yield from forks(warm)


@pytest.fixture(scope="session")
def train(warm: Warm) -> Iterator[Train]:
    """Have the training program run a workload. The same question with the same seed is asked once only."""
    program = warm.fork(PROGRAM)
    program.ready()
    answers: dict[str, Answer] = {}

    def ask(seed: int = 7, again: bool = False, **fields: Any) -> Answer:
        key = f"{seed} {training(**fields).digest}"
        if again or key not in answers:
            answers[key] = program.ask(training(**fields), seed)
        return answers[key]

    yield ask
    program.hang_up()


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the base model."""
    import torch

    from llm_claims.programs.base_model import save_base_model

    with torch.random.fork_rng():
        return save_base_model("llama-tiny", tmp_path_factory.mktemp("base") / "llama-tiny")

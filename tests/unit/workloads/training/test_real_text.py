"""Samples of real text: as many as differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.training.real_text import blocks, check


def write(folder: Path, *tokens: int) -> None:
    np.save(folder / "tokens.npy", np.array(tokens, dtype=np.int32))


def test_what_passes_the_check_can_be_drawn(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3, 4, 1, 2, 5)
    check(tmp_path, samples=2, context_tokens=2)
    assert {tuple(block) for block in blocks(tmp_path, seed=0, samples=2, context_tokens=2)} == {(1, 2), (3, 4)}


@pytest.mark.parametrize("tokens", [(1, 2, 1, 2, 1, 2), (1, 2, 3), (1,)], ids=["repeats", "a-rest", "none-whole"])
def test_equal_samples_are_counted_once(tmp_path: Path, tokens: tuple[int, ...]) -> None:
    write(tmp_path, *tokens)
    with pytest.raises(UnsupportedWorkload, match=r"2 samples of 2 tokens are more than the [01] different ones"):
        check(tmp_path, samples=2, context_tokens=2)

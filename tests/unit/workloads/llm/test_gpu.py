"""The GPU of a process: one alone sees one, and several at a time spread over all."""

from __future__ import annotations

import os

import pytest

from llm_claims.workloads.llm import gpu


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.mark.parametrize(
    ("visible", "of_even", "of_odd"),
    [
        ("0,1", "0", "1"),
        ("3", "3", "3"),
        ("GPU-8932f937, GPU-cbd93721", "GPU-8932f937", "GPU-cbd93721"),
        ("2,-1,1", "2", "2"),  # CUDA shows none behind a name that is none
        ("", "", ""),
    ],
)
def test_a_process_alone_sees_one_gpu(monkeypatch: pytest.MonkeyPatch, visible: str, of_even: str, of_odd: str) -> None:
    for number, expected in ((40, of_even), (41, of_odd)):
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
        monkeypatch.setattr(os, "getpid", lambda number=number: number)
        gpu.see_one_device()
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


@pytest.mark.parametrize(("said", "rank"), [(None, 0), ("3", 3)])
def test_the_local_rank_is_that_of_the_launcher(said: str | None, rank: int) -> None:
    os.environ.pop("LOCAL_RANK", None)
    if said is not None:
        os.environ["LOCAL_RANK"] = said
    assert gpu.local_rank() == rank

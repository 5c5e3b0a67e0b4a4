"""Programs that do something else than they were asked: each is the real one with one thing patched.

Their evidence is refused, with a message that names the difference.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm_claims.errors import ProgramError
from llm_claims.programs.training import link
from llm_claims.sources.local import PROGRAMS, CpuSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads import Generation, Training, Workload

HERE = Path(__file__).parent / "wrong_programs"
BF16 = {"precision": "bf16", "gradient_checkpointing": False, "samples": 29, "warmup_steps": 1}


@contextmanager
def source_with(program: str, folder: Path) -> Iterator[CpuSource]:
    """The CPU, with every program replaced by a wrong one."""
    command = (sys.executable, str(HERE / f"{program}.py"))
    source = CpuSource(EvidenceStore(folder / "store"), programs=dict.fromkeys(PROGRAMS, command))
    try:
        yield source
    finally:
        source.close()


def refusal(program: str, workload: Workload, folder: Path) -> str:
    """What the source says of the evidence of a wrong program."""
    with source_with(program, folder) as source:
        placed = source.place(workload, None, None)
        source.draw([placed], 1, timed=False)
        with pytest.raises(ProgramError) as caught:
            source.evidence(placed)
    return str(caught.value)


def test_zero_1_run_for_zero_3_is_refused(tmp_path: Path) -> None:
    said = refusal("zero1_for_zero3", Training(zero_stage=3, **BF16), tmp_path)  # type: ignore[arg-type]
    assert "so it is refused: zero_stage: asked 3, the run saw 1" in said


def test_fp32_run_for_fp16_is_refused(tmp_path: Path) -> None:
    said = refusal("fp32_for_fp16", Training(precision="fp16", samples=29, warmup_steps=1), tmp_path)
    assert "forward_dtypes: asked ('float16',), the run saw ('float32',)" in said
    assert "initial_loss_scale: asked 65536.0, the run saw None" in said


def test_127_tokens_made_for_128_are_refused(tmp_path: Path) -> None:
    said = refusal("one_token_less", Generation(new_tokens=128), tmp_path)
    assert "so it is refused: new_tokens: asked (128,), the run saw (127,)" in said


@pytest.mark.skipif(link.missing() is not None, reason=str(link.missing()))
def test_a_link_without_its_shaping_is_refused(tmp_path: Path) -> None:
    said = refusal("unshaped_link", Training(zero_stage=1, link_mbit_per_second=32, **BF16), tmp_path)  # type: ignore[arg-type]
    assert "so it is refused: link_mbit_per_second: asked 32.0, the run saw None" in said


@pytest.mark.parametrize("program", ["zero1_for_zero3", "fp32_for_fp16"])
def test_the_same_programs_are_believed_where_they_do_what_was_asked(program: str, tmp_path: Path) -> None:
    """Else a program that always fails would pass the tests above."""
    with source_with(program, tmp_path) as source:
        placed = source.place(Training(samples=29, warmup_steps=1), None, None)
        source.draw([placed], 1, timed=False)
        assert source.evidence(placed).series("train_loss").n == 1

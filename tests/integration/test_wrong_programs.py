"""Programs that do something else than they were asked: each is the real one with one thing patched.

Their evidence is refused, with a message that names the difference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llm_claims.errors import ProgramError
from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.local import LocalSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.hardware import Processor
from llm_claims.workloads.training import link
from llm_claims.workloads.training.workload import Training

HERE = Path(__file__).parent / "wrong_programs"
BF16 = {"precision": "bf16", "gradient_checkpointing": False, "samples": 29, "warmup_steps": 1}


PLAIN = Training(samples=29, warmup_steps=1)

Sources = Callable[[str], LocalSource]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    """The CPU, with every program replaced by a wrong one; each is started once for all tests."""
    made: dict[str, LocalSource] = {}

    def source_with(program: str) -> LocalSource:
        if program not in made:
            command = (sys.executable, str(HERE / f"{program}.py"))
            store = EvidenceStore(tmp_path_factory.mktemp(program))
            made[program] = LocalSource(Processor(), store, program=command)
        return made[program]

    with pytest.MonkeyPatch.context() as patch:
        # A lock of their own: nothing is timed here, and nobody else's timed run is waited for.
        patch.setenv("LLM_CLAIMS_LOCK", str(tmp_path_factory.mktemp("lock") / "timing.lock"))
        yield source_with
    for source in made.values():
        source.close()


def evidence(source: LocalSource, workload: Workload) -> Evidence:
    """What the source measures, once."""
    placed = source.place(workload, None, None)
    source.draw([placed], 1, timed=False)
    return source.evidence(placed)


def refusal(source: LocalSource, workload: Workload) -> str:
    """What the source says of evidence that it refuses."""
    with pytest.raises(ProgramError) as caught:
        evidence(source, workload)
    return str(caught.value)


def test_zero_1_run_for_zero_3_is_refused(sources: Sources) -> None:
    said = refusal(sources("zero1_for_zero3"), Training(zero_stage=3, **BF16))  # type: ignore[arg-type]
    assert "so it is refused: zero_stage: asked 3, the run saw 1" in said


def test_fp32_run_for_fp16_is_refused(sources: Sources) -> None:
    said = refusal(sources("fp32_for_fp16"), PLAIN.model_copy(update={"precision": "fp16"}))
    assert "so it is refused: forward_dtypes: asked ('float16',), the run saw ('float32',)" in said
    assert "initial_loss_scale: asked 65536.0, the run saw None" in said


def test_127_tokens_made_for_128_are_refused(sources: Sources) -> None:
    said = refusal(sources("one_token_less"), Generation(new_tokens=128))
    assert "so it is refused: new_tokens: asked (128,), the run saw (127,)" in said


@pytest.mark.skipif(link.missing() is not None, reason=str(link.missing()))
def test_a_link_without_its_shaping_is_refused(sources: Sources) -> None:
    linked = Training(zero_stage=1, link_mbit_per_second=32, **BF16)  # type: ignore[arg-type]
    said = refusal(sources("unshaped_link"), linked)
    assert "so it is refused: link_mbit_per_second: asked 32.0, the run saw None" in said


@pytest.mark.parametrize("program", ["zero1_for_zero3", "fp32_for_fp16", "unshaped_link"])
def test_the_same_programs_are_believed_where_they_do_what_was_asked(sources: Sources, program: str) -> None:
    """Else a program that always fails would pass the tests above."""
    if program == "unshaped_link" and link.missing() is not None:
        pytest.skip(str(link.missing()))
    assert evidence(sources(program), PLAIN).series("train_loss").n == 1

"""Programs that do something else than they were asked: each is the real one with one thing patched.

Their evidence is refused, with a message that names the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from warm import PROGRAM, QUICK, Forker, training

from llm_claims.errors import WitnessError
from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.growth import grown
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.defaults import CPU
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.protocol import Request
from llm_claims.workloads.training import link

BF16 = {"precision": "bf16", "gradient_checkpointing": False, "samples": 29, "warmup_steps": 1}
PLAIN = training(samples=29, warmup_steps=1)


@dataclass(frozen=True)
class Wrong:
    """What is patched, of which program, what it is asked, and the difference that is found."""

    patch: str
    asked: Workload
    words: tuple[str, ...]
    program: str = QUICK
    needs_link: bool = False


WRONG = {
    "zero1-for-zero3": Wrong(
        """
        from llm_claims.workloads.training import trainers
        configured = trainers.deepspeed_config
        def stage1(*given):
            config = configured(*given)
            config["zero_optimization"]["stage"] = 1
            return config
        trainers.deepspeed_config = stage1
        """,
        training(zero_stage=3, **BF16),
        ("so it is refused: zero_stage: asked 3, the run saw 1",),
    ),
    # It leaves fp16 on a processor to the Trainer: that runs fp32 and says nothing.
    "fp32-for-fp16": Wrong(
        """
        from transformers import Trainer
        from llm_claims.workloads.training.trainers import WatchedTrainer
        WatchedTrainer.create_accelerator_and_postprocess = Trainer.create_accelerator_and_postprocess
        """,
        training(samples=29, warmup_steps=1, precision="fp16"),
        (
            "so it is refused: forward_dtypes: asked ('float16',), the run saw ('float32',)",
            "initial_loss_scale: asked 65536.0, the run saw None",
        ),
    ),
    "unshaped-link": Wrong(
        """
        import subprocess
        from llm_claims.workloads.training import link
        join = link.join
        def unshaped(first, second, mbit_per_second):
            join(first, second, mbit_per_second)
            for pid in (first, second):
                enter = ["nsenter", f"--net=/proc/{pid}/ns/net"]
                subprocess.run([*enter, "tc", "qdisc", "del", "dev", link.INTERFACE, "root"], check=True)
        link.join = unshaped
        """,
        training(zero_stage=1, link_mbit_per_second=32, **BF16),
        ("so it is refused: link_mbit_per_second: asked 32.0, the run saw None",),
        needs_link=True,
    ),
    "one-token-less": Wrong(
        """
        from llm_claims.workloads.generation import program
        program._WARM_UPS = ()
        call = program.call
        program.call = lambda loaded, workload: call(
            loaded, workload.model_copy(update={"new_tokens": workload.new_tokens - 1})
        )
        """,
        Generation(new_tokens=128).filled(CPU.fields.stated()),
        ("so it is refused: new_tokens: asked (128,), the run saw (127,)",),
        program=PROGRAM.replace("training", "generation"),
    ),
}


def evidence(fork: Forker, wrong: Wrong, asked: Workload) -> Evidence:
    """What a wrong program measures, once."""
    if wrong.needs_link and link.missing() is not None:
        pytest.skip(str(link.missing()))
    lines = [line.removeprefix(" " * 8) for line in wrong.patch.splitlines()]
    program = fork("\n".join([*lines, wrong.program]))
    ready = program.ready()
    request = Request(workload=asked, round=1, seed=7)
    return grown(None, request, program.ask(asked), ready, device="cpu", command="wrong", commit=None)


@pytest.mark.parametrize("name", WRONG)
def test_what_was_not_asked_is_refused(fork: Forker, name: str) -> None:
    with pytest.raises(WitnessError) as caught:
        evidence(fork, WRONG[name], WRONG[name].asked)
    assert all(words in str(caught.value) for words in WRONG[name].words)


@pytest.mark.parametrize("name", ["zero1-for-zero3", "fp32-for-fp16", "unshaped-link"])
def test_the_same_programs_are_believed_where_they_do_what_was_asked(fork: Forker, name: str) -> None:
    """Else a program that always fails would pass the tests above."""
    assert evidence(fork, WRONG[name], PLAIN).series("train_loss").n == 1

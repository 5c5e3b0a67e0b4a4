"""Reports on what the Hugging Face Trainer says it trains in, and what loss it reports."""

from __future__ import annotations

from functools import partial

import pytest

from llm_claims import Training, claim, equal, every, less

from .margins import BF16_STEP, DOUBLED

Tuning = partial(Training, initial_weights="pretrained", samples=128, warmup_steps=5)


@claim("loss-grows-with-accumulation", place="hiyouga/LLaMA-Factory #7443")
@pytest.mark.parametrize("parallelism", ["ddp", "deepspeed"])
def test_the_loss_doubles_with_accumulation(measure, judge, parallelism):
    fields = {"parallelism": parallelism, "ranks": 2, "zero_stage": 0}
    whole, halves = (
        measure(Tuning(**fields, micro_batch=micro, gradient_accumulation=8 // micro)).train_loss for micro in (8, 4)
    )
    judge(less(whole, halves, by=DOUBLED))


@claim("zero2-accumulation-raises-loss", place="huggingface/accelerate #3877")
def test_accumulation_raises_the_loss_under_zero2(measure, judge):
    fields = {"zero_stage": 2, "precision": "bf16", "ranks": 2}
    whole, split = (
        measure(Tuning(**fields, micro_batch=micro, gradient_accumulation=8 // micro)).train_loss for micro in (8, 2)
    )
    judge(less(whole, split, by=BF16_STEP))


@claim("trainers-fp16-on-a-cpu-is-fp32", place="huggingface/accelerate, accelerator.py: native_amp")
def test_the_trainers_own_fp16_multiplies_in_fp32(measure, judge):
    own, ours = (measure(Tuning(precision="fp16", precision_by=who)) for who in ("trainer", "program"))
    judge(every(equal(own.forward_bits, 32), equal(ours.forward_bits, 16)))

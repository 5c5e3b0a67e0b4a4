"""Training speed: ZeRO stages and precisions."""

from __future__ import annotations

import pytest

from llm_claims import Training, claim, ratio, similar

from .margins import LEAST_NAMED_DIFFERENCE


@claim("train-speed-zero1-above-zero3", place="A, tip D")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_zero1_trains_faster_than_zero3(measure, judge, precision):
    zero1 = measure(Training(zero_stage=1, precision=precision))
    zero3 = measure(Training(zero_stage=3, precision=precision))
    judge(ratio(zero3.step_seconds, over=zero1.step_seconds, documented={"fp16": 3.33, "bf16": 3.93}[precision]))


@claim("train-speed-bf16-similar-to-fp16", place="A, tip E")
@pytest.mark.parametrize("zero_stage", [1, 3], ids=["zero1", "zero3"])
def test_bf16_and_fp16_train_at_a_similar_speed(measure, judge, zero_stage):
    bf16 = measure(Training(zero_stage=zero_stage, precision="bf16"))
    fp16 = measure(Training(zero_stage=zero_stage, precision="fp16"))
    judge(similar(bf16.step_seconds, fp16.step_seconds, within=LEAST_NAMED_DIFFERENCE))

"""Reports on the dtype in which gradients of micro-batches are added up; the witness shows the dtype of the sums."""

from __future__ import annotations

from functools import partial

import pytest

from llm_claims import claim, equal, every, less

from .margins import BF16_STEP
from .runs import Tuning

InBf16 = partial(Tuning, precision="bf16")
BY_STAGE = pytest.mark.parametrize("stage", [1, 2, 3], ids="zero{}".format)


@claim("zero-sums-bf16-gradients-in-bf16", place="deepspeedai/DeepSpeed #1800")
@BY_STAGE
def test_left_alone_gradients_are_added_up_in_bf16(measure, judge, stage):
    judge(equal(measure(InBf16(zero_stage=stage)).sum_bits, 16))


@claim("zero-cannot-sum-in-fp32", place="deepspeedai/DeepSpeed #2352")
@BY_STAGE
def test_asked_for_fp32_gradients_still_have_the_digits_of_bf16(measure, judge, stage):
    judge(equal(measure(InBf16(zero_stage=stage, grad_accum_dtype="fp32")).gradient_bits, 16))


@claim("bf16-sums-cost-loss", place="deepspeedai/DeepSpeed #2768")
def test_sums_in_bf16_end_with_a_higher_loss(measure, judge):
    narrow, wide = measure(InBf16(zero_stage=2)), measure(InBf16(zero_stage=2, grad_accum_dtype="fp32"))
    judge(
        every(
            equal(narrow.sum_bits, 16),
            equal(wide.gradient_bits, 32),
            less(wide.train_loss, narrow.train_loss, by=BF16_STEP),
        )
    )

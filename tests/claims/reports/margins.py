"""What counts as a difference, derived from the reports themselves."""

from __future__ import annotations

from llm_claims import Quantity
from llm_claims.evidence.series import Series

NAMED_LOSS = 57 / 52 - 1
"""Relative, 9.6%: the least loss of accuracy that DeepSpeed #3979 gives a figure for, from one rank to two."""
BF16_STEP = 2.0**-8
"""Relative: bf16 has eight significant bits, so that it holds no two numbers that are closer. A run that is said to
be worse than another, by no figure, has to be told apart from it."""
DOUBLED = 3.55 / 1.85 - 1
"""Relative, 92%: the least difference of what LLaMA-Factory #7443 prints as 1.8 and 3.6, for twice the accumulation."""
FP16_ROUNDING = 2.0**-11


def as_fp16(losses: Quantity) -> Quantity:
    """Losses as printed in DeepSpeed #1285, which runs the script of #966: numbers of fp16, each an interval."""

    def read() -> Series:
        exact = losses.series()
        lower, upper = (tuple(value * (1 + sign * FP16_ROUNDING) for value in exact.values) for sign in (-1, 1))
        return Series(exact.values, lower, upper, exact.unit, "printed")

    return Quantity(read, losses)

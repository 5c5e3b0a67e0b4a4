"""Figures are compared in one unit, once what cancels has cancelled."""

from __future__ import annotations

import pytest

from llm_claims.evidence.units import comparable, over, times


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("s", "s", True),
        ("s/step·steps", "s", True),
        ("samples/s·s", "samples", True),
        ("USD/h·s", "s·USD/h", True),
        ("1", "ratio", True),
        ("step", "steps", True),
        ("s", "ms", False),
        ("prompts/s", "s", False),
        ("tokens/s", "prompts/s", False),
        ("bytes", "bytes/s", False),
        ("s", "1", False),
    ],
)
def test_units_are_the_same_if_their_parts_are(first: str, second: str, same: bool) -> None:
    assert comparable(first, second) is same
    assert comparable(second, first) is same


@pytest.mark.parametrize(
    ("first", "second", "product", "quotient"),
    [
        ("s", "s", "s·s", "ratio"),
        ("s/step", "steps", "s", "s/step/step"),
        ("s", "steps", "s·steps", "s/steps"),
        ("bytes/s", "tokens/s", "bytes·tokens/s/s", "bytes/tokens"),
        ("samples", "samples/s", "samples·samples/s", "s"),
        ("1", "s", "s", "1/s"),
        ("s", "1", "s", "s"),
        ("1", "1", "1", "ratio"),
        ("ratio", "tokens/s", "tokens/s", "s/tokens"),
    ],
)
def test_what_cancels_is_not_written(first: str, second: str, product: str, quotient: str) -> None:
    assert times(first, second) == product
    assert over(first, second) == quotient


def test_a_quotient_of_rates_is_compared_with_what_is_left_of_it() -> None:
    assert comparable(over("bytes/s", "tokens/s"), "bytes/token")

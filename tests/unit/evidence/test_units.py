"""Figures are compared in one unit, once what cancels has cancelled."""

from __future__ import annotations

import pytest

from llm_claims.evidence.units import comparable


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

"""Cells: the gravest verdict of a claim's cases, and never a mixture of sources."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import pytest
from builders import row

from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import GRAVITY, Cell, effect_text, table_of


def cell(*rows: VerdictRow) -> Cell:
    return Cell(rows)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        ({"effect": 3.3333}, "×3.33"),
        ({"effect": 0.0012345}, "×0.00123"),
        ({"effect": 147.0, "unit": "steps"}, "147 steps"),
        ({"effect": 5.9221, "unit": "samples/s"}, "5.922 samples/s"),
        ({"effect": 8.0, "unit": "1"}, "8"),
        ({"effect": 0.0, "unit": "steps"}, "0 steps"),
    ],
)
def test_effect(fields: dict[str, Any], text: str) -> None:
    assert effect_text(row(Word.REPRODUCED, **fields)) == text


def test_the_gravest_case_speaks_for_the_cell() -> None:
    assert set(GRAVITY) == set(Word)
    for graver, milder in combinations(GRAVITY, 2):
        assert cell(row(graver), row(milder)).word is cell(row(milder), row(graver)).word is graver


R, C, U, I = Word.REPRODUCED, Word.CONTRADICTED, Word.UNTESTABLE, Word.INCONCLUSIVE  # noqa: E741

TEXTS = [
    ("one case", [row(R, effect=3.333, n=1)], "reproduced ×3.33 n=1"),
    ("no effect", [row(R, n=1)], "reproduced n=1"),
    ("two alike", [row(R, effect=2.0, n=3), row(R, effect=2.0, n=3)], "reproduced ×2 n=3 (2 cases)"),
    ("two effects", [row(R, effect=3.0, n=3), row(R, effect=2.0, n=5)], "reproduced ×2 to ×3 n=3–5 (2 cases)"),
    ("an effect and none", [row(R, n=1), row(R, effect=2.0, n=8)], "reproduced ×2 n=1–8 (2 cases)"),
    ("three effects", [row(R, effect=e, n=1) for e in (3.0, 1.5, 2.0)], "reproduced ×1.5 to ×3 n=1 (3 cases)"),
    ("one against", [row(R, effect=2.0, n=3), row(C, effect=0.5, n=3)], "contradicted ×0.5 n=3 (1 of 2 cases)"),
    ("untestable is no case", [row(R, effect=2.0, n=3), row(U)], "reproduced ×2 n=3"),
    ("untestable", [row(U), row(U)], "untestable"),
    ("error", [row(Word.ERROR), row(R, effect=2.0, n=3)], "error (1 of 2 cases)"),
    ("nothing", [], ""),
    ("inconclusive", [row(I, effect=1.01, n=5)], "inconclusive ×1.01 n=5"),
]


@pytest.mark.parametrize(("rows", "text"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_text_of_a_cell(rows: list[VerdictRow], text: str) -> None:
    for order in permutations(rows):
        assert cell(*order).text == text


def test_each_note_of_a_cell_is_told_once() -> None:
    assert cell(row(R), row(C)).notes == ()
    assert cell(row(R, note="a"), row(C), row(C, note="b"), row(C, note="a")).notes == ("a", "b")


def test_cases_that_disagree_are_named() -> None:
    found = cell(row(R, case="bf16"), row(Word.WEAKENED), row(C, case="fp16"), row(I, case="fp32"))
    assert found.disagreement == "holds for bf16, the case without parameters; contradicted for fp16"


@pytest.mark.parametrize("words", [[R, R], [C, C], [C, I], [R, I], [U, C], []])
def test_cases_that_do_not_contradict_each_other_agree(words: list[Word]) -> None:
    assert cell(*(row(word, case=str(i)) for i, word in enumerate(words))).disagreement == ""


ROWS = [
    row(R, claim="b", source="cpu", effect=2.0, n=3),
    row(C, claim="a", source="paper", case="x", effect=0.5, n=1),
    row(R, claim="a", source="paper", case="y", effect=2.0, n=1),
    row(R, claim="a", source="cpu", case="x", effect=9.0, n=5),
]


def test_a_table_keeps_the_given_order_and_drops_what_has_no_row() -> None:
    table = table_of(ROWS, claims=["a", "none", "b"], sources=["paper", "gpu", "cpu"])
    assert table.claims == ("a", "b")
    assert table.sources == ("paper", "cpu")
    assert table.rows == tuple(ROWS)
    assert [table.cell("a", source).word for source in ("paper", "cpu")] == [C, R], "sources are never mixed"
    assert table.cell("b", "paper").word is None


def test_counts_are_of_one_source_and_gravest_first() -> None:
    table = table_of(ROWS, claims=["a", "b"], sources=["paper", "cpu"])
    assert list(table.counts("paper").items()) == [(C, 1), (R, 1)]
    assert table.counts("cpu") == {R: 2}
    assert sum(sum(table.counts(source).values()) for source in table.sources) == len(ROWS)


def test_effects_of_different_units_make_no_range() -> None:
    rows = [row(R, effect=147.0, unit="steps", n=1), row(R, effect=2.0, n=1)]
    texts = [cell(*order).text for order in permutations(rows)]
    assert texts == ["reproduced 147 steps n=1 (2 cases)", "reproduced ×2 n=1 (2 cases)"]

"""The comment for a pull request, and the table as CSV: what changed first; files cannot speak for themselves."""

from __future__ import annotations

import csv
from io import StringIO

from builders import row

from llm_claims.relations.verdict import Word
from llm_claims.report.cells import table_of
from llm_claims.report.comment import comment
from llm_claims.report.files import csv_of

FLIPPED = {"accepted": "reproduced 1.2", "line": "contradicted 0.9", "effect": 0.9}
EVIL = "<img src=x> [x](http://x) | @all #1 `x`"


def test_what_changed_comes_first_and_the_rest_is_counted() -> None:
    rows = [row(Word.CONTRADICTED, claim="a", case=f"c{i}", **FLIPPED) for i in range(14)]
    lines = comment(table_of(rows, ["a"], ["paper"]), [], "A write-up").splitlines()
    assert lines[0] == "### A write-up: 14 changes"
    assert lines[2] == "- **flip** `a [c0]` on paper: reproduced 1.2 → contradicted 0.9"
    assert "- and 2 more: `llm-claims review`" in lines
    assert len(lines) < 25


def test_nothing_changed() -> None:
    rows = [row(Word.REPRODUCED, claim="a", accepted="reproduced 1.2", line="reproduced 1.2", effect=1.2)]
    found = comment(table_of(rows, ["a"], ["paper"]), [], "A write-up")
    assert found.startswith("### A write-up: nothing changed\n")
    assert found.endswith("| source | reproduced |\n|---|---:|\n| paper | 1 |\n")


def test_text_of_files_is_neither_set_nor_followed() -> None:
    rows = [row(Word.ERROR, claim="a", reason=EVIL)]
    found = comment(table_of(rows, ["a"], ["paper"]), [], EVIL)
    assert "\\<img src=x\\> \\[x\\](http://x) \\| \\@all \\#1 \\`x\\`" in found
    assert "<img" not in found.replace("\\<", "")


def test_a_table_for_spreadsheets_runs_no_formula() -> None:
    rows = [row(Word.REPRODUCED, claim="a", effect=-0.5, interval=(-1.0, 2.0), unit="nats", reason="=HYPERLINK(1)")]
    (found,) = csv.DictReader(StringIO(csv_of(rows)))
    assert (found["claim"], found["verdict"], found["effect"]) == ("a", "reproduced", "-0.5")
    assert (found["lower"], found["upper"], found["reason"]) == ("-1.0", "2.0", "'=HYPERLINK(1)")

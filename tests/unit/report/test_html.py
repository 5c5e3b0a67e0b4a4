"""The page: one file that needs nothing else, in which files cannot speak for themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from builders import row

from llm_claims.document.register import Claim, Register
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import GRAVITY, table_of
from llm_claims.report.html import page
from llm_claims.report.scaling import ScalingTable

EVIL = "<script>alert('\"&')</script>"
REGISTER = Register(
    document="A write-up",
    claims={"train-zero1": Claim(statement="ZeRO stage 1 is faster."), "serve-batch": Claim(statement="A batch pays.")},
)
ROWS = [
    row(Word.REPRODUCED, claim="train-zero1", case="bf16", effect=3.9321, interval=(3.9, 3.96), n=1),
    row(Word.CONTRADICTED, claim="train-zero1", case="fp16", effect=0.5, interval=(0.4, 0.6), n=1, reason="why"),
    row(Word.UNTESTABLE, claim="serve-batch", source="cpu", reason="no GPUs here"),
]


class Reader(HTMLParser):
    """Reads tables as texts, and collects what would be loaded or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.classes: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self._table: list[list[str]] | None = None
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("script", "iframe", "img", "object", "embed", "link", "base", "form"):
            self.loaded.append(tag)
        self.loaded += [name for name in found if name.startswith("on") or name in ("src", "srcset", "action", "style")]
        if identity := found.get("id"):
            self.ids.append(identity)
        if tag == "a":
            self.targets.append(found.get("href") or "")
        if tag == "table":
            self._table = self.tables.setdefault(found["id"] or "", [])
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag in ("td", "th") and self._table is not None:
            self._table[-1].append("")
            self._in_cell = True
            if found.get("class"):
                self.classes.append(found["class"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell and self._table:
            self._table[-1][-1] += data


def text(rows: Sequence[VerdictRow] = ROWS, register: Register = REGISTER, **more: Any) -> str:
    return page(table_of(rows, list(register.claims), ("paper", "cpu", EVIL)), register, **more)


def read(rows: Sequence[VerdictRow] = ROWS, register: Register = REGISTER, **more: Any) -> Reader:
    reader = Reader()
    reader.feed(text(rows, register, **more))
    reader.close()
    return reader


def test_claims_by_sources() -> None:
    reader = read()
    assert set(reader.classes) == {"contradicted", "untestable", "reproduced"}
    header, first, second = reader.tables["claims"]
    assert header == ["Claim", "paper", "cpu"]
    assert first == [
        "train-zero1ZeRO stage 1 is faster.",
        "contradicted ×0.5 n=1 (1 of 2 cases)cases disagree: holds for bf16; contradicted for fp16",
        "",
    ]
    assert second == ["serve-batchA batch pays.", "", "untestable"]


def test_counts_by_source() -> None:
    header, paper, cpu = read().tables["counts"]
    assert header == ["Source", *GRAVITY]
    assert paper == ["paper", "0", "1", "0", "0", "1", "0"]
    assert cpu == ["cpu", "0", "0", "0", "0", "0", "1"]


def test_every_case_has_its_row() -> None:
    _, *rows = read().tables["cases"]
    assert rows == [
        ["train-zero1", "bf16", "paper", "reproduced", "×3.93", "3.9 to 3.96", "1", ""],
        ["train-zero1", "fp16", "paper", "contradicted", "×0.5", "0.4 to 0.6", "1", "why"],
        ["serve-batch", "", "cpu", "untestable", "", "", "0", "no GPUs here"],
    ]


def test_a_note_stands_beside_each_verdict() -> None:
    note = "an analogue of EFA, not EFA"
    rows = [row(Word.REPRODUCED, claim="train-zero1", case=case, source="cpu", note=note) for case in ("bf16", "fp16")]
    tables = read([*rows, *ROWS]).tables
    assert tables["claims"][1][2] == f"reproduced n=0 (2 cases){note}"
    assert [line[7] for line in tables["cases"][1:3]] == [note, note]


def test_remarks_on_the_run_come_first() -> None:
    found = text(remarks=[f"this run {EVIL}", "and so"])
    assert found.index("This run &lt;script&gt;") < found.index("And so.") < found.index("2 claims, 3 cases")


def test_links_lead_to_claims_of_the_page() -> None:
    reader = read()
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.targets == ["#train-zero1", "#train-zero1", "#serve-batch"]
    assert {target.removeprefix("#") for target in reader.targets} <= set(reader.ids)


def test_the_page_is_one_dated_file_that_loads_and_runs_nothing() -> None:
    found = text()
    assert read().loaded == []
    assert not any(words in found for words in ("http", "url(", "@import"))
    assert found.startswith("<!doctype html>")
    assert '<meta charset="utf-8">' in found
    assert "A write-up: claims and verdicts" in found
    assert re.search(r"2 claims, 3 cases, judged 20\d\d-\d\d-\d\d \d\d:\d\d UTC", found)


@pytest.mark.parametrize("field", ["case", "source", "reason", "unit", "note"])
def test_what_a_file_says_is_text(field: str) -> None:
    reader = read([row(Word.CONTRADICTED, **{"claim": "serve-batch", "effect": 1.5, field: EVIL})])
    assert reader.loaded == []
    assert any(EVIL in cell for line in reader.tables["cases"] for cell in line)


def test_what_a_register_says_is_text() -> None:
    register = Register(document=EVIL, claims={EVIL: Claim(statement=EVIL)})
    rows = [row(Word.REPRODUCED, claim=EVIL, case=EVIL), row(Word.CONTRADICTED, claim=EVIL)]
    assert "<script" not in text(rows, register)
    reader = read(rows, register)
    assert reader.loaded == []
    assert reader.tables["claims"][1][0] == EVIL * 2
    assert EVIL in reader.tables["claims"][1][1], "of the cases that disagree"


def test_tables_of_scaling_are_shown_and_escaped() -> None:
    scaling = [ScalingTable(EVIL, ("2 GPUs", EVIL), ((EVIL, ("1 s", EVIL)),))]
    reader = read(scaling=scaling)
    assert reader.loaded == []
    assert reader.tables["scaling-1"] == [["Configuration", "2 GPUs", EVIL], [EVIL, "1 s", EVIL]]

"""The page: one file that needs nothing else, in which files cannot speak for themselves."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from builders import row

from llm_claims.document.register import Claim, Register
from llm_claims.judging.history.night import EFFECT, Figure, Night
from llm_claims.judging.rows import FigureChange, FigureRow, VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import table_of
from llm_claims.report.page.render import page
from llm_claims.report.scaling import ScalingTable

EVIL = "<script>alert('\"&')</script>"
REGISTER = Register(
    document="A write-up",
    sections={"Training": "train-zero1", "Serving": "serve-batch"},
    claims={"train-zero1": Claim(statement="ZeRO stage 1 is faster."), "serve-batch": Claim(statement="A batch pays.")},
)
ROWS = [
    row(Word.REPRODUCED, claim="train-zero1", case="bf16", effect=3.9321, interval=(3.9, 3.96), n=1, place="tip D"),
    row(Word.CONTRADICTED, claim="train-zero1", case="fp16", effect=0.5, interval=(0.4, 0.6), n=1, reason="why"),
    row(Word.UNTESTABLE, claim="serve-batch", source="cpu", reason="no GPUs here"),
]
LOADS = ("iframe", "img", "object", "embed", "link", "base")


class Reader(HTMLParser):
    """Reads tables as texts, and collects what would be loaded or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.rows: list[list[str]] = []
        self.chips: list[tuple[str, str]] = []
        self.words = ""
        self._within: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._within.append(tag)
        self.loaded += [tag] * (tag in LOADS)
        self.loaded += [name for name in found if name.startswith("on") or name in ("src", "srcset", "action")]
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"]] if tag == "a" else []
        if "data-verdict" in found:
            self.chips.append((found["data-source"], found["data-verdict"]))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._within:
            self.scripts[-1] += data
        elif "td" in self._within or "th" in self._within:
            self.rows[-1][-1] += data.strip()
        if "style" not in self._within and "script" not in self._within:
            self.words += data


def text(rows: Sequence[VerdictRow] = ROWS, register: Register = REGISTER, **more: Any) -> str:
    return page(table_of(rows, list(register.claims), ("paper", "cpu", EVIL)), register, **more)


def read(rows: Sequence[VerdictRow] = ROWS, register: Register = REGISTER, **more: Any) -> Reader:
    return Reader(text(rows, register, **more))


def test_each_claim_shows_the_gravest_verdict_of_each_source() -> None:
    assert read().chips == [("A", "contradicted"), ("B", ""), ("A", ""), ("B", "untestable")]


def test_each_judged_case_has_a_row_with_effect_interval_and_n() -> None:
    rows = read().rows
    assert ["A paper", "bf16", "✓ reproduced", "×3.93 [3.9, 3.96]", "", "1"] in rows
    assert ["A paper", "fp16", "✗ contradicted", "×0.5 [0.4, 0.6]", "", "1"] in rows


def test_what_is_untestable_says_why_and_is_no_row() -> None:
    reader = read()
    assert "Untestable on cpu" in reader.words
    assert "no GPUs here" in reader.words
    assert not any("cpu" in cell for line in reader.rows for cell in line if cell == "B cpu")


def test_counts_by_source() -> None:
    rows = read().rows
    assert ["Apaper", "", "1", "", "", "1", ""] in rows
    assert ["Bcpu", "", "", "", "", "", "1"] in rows


def test_what_changed_comes_first() -> None:
    drifted = row(Word.REPRODUCED, claim="train-zero1", accepted="contradicted 0.9", line="reproduced 1.2", effect=1.2)
    slower = row(
        Word.REPRODUCED, claim="serve-batch", changes=(FigureChange(figure="a@b", told="rose by 12%"),), effect=1.0
    )
    figure = {"claim": "train-zero1", "case": "", "source": "paper", "workload": "w", "key": "k", "metric": "m"}
    found = read([drifted, slower], figures=[FigureRow(**figure, change="2.36 s → 5.36 s")]).words
    order = ["2.36 s → 5.36 s; 1 case stands on it", "contradicted 0.9 → reproduced 1.2", "rose by 12%", "holds where"]
    places = [found.index(told) for told in order]
    assert places == sorted(places)
    assert "Nothing: every verdict is the accepted one." in read().words


def test_a_case_tells_its_words_its_acceptance_and_its_command() -> None:
    told = {"note": "an analogue of EFA", "accepted": "reproduced 1.2", "because": "we know why", "command": "pytest x"}
    found = read([row(Word.REPRODUCED, claim="train-zero1", effect=1.2, reason="so it is", **told)]).words
    assert all(words in found for words in ("so it is", *told.values()))


def test_effects_and_figures_over_nights_are_drawn_and_told_in_words() -> None:
    judged = row(Word.REPRODUCED, claim="train-zero1", source="cpu", effect=1.2)
    night = {"run": "a", "source": "cpu", "hardware": "here", "time": datetime(2026, 11, 20, tzinfo=UTC)}
    nights = [
        Night(**night, figures=(Figure(key=judged.address, metric=EFFECT, unit="ratio", value=value, what="it"),))
        for value in (1.1, 1.3, 1.2)
    ]
    found = text([judged], nights=nights)
    assert "effect over nights: 3 nights: 1.1 to 1.2, least 1.1, most 1.3" in found
    assert found.count("<polyline") == 1
    assert "<polyline" not in text([judged], nights=nights[:1])


def test_links_lead_to_places_of_the_page() -> None:
    reader = read()
    assert len(reader.ids) == len(set(reader.ids))
    assert {target.removeprefix("#") for target in reader.targets} <= set(reader.ids)
    assert "#train-zero1" in reader.targets


def test_the_page_is_one_dated_file_that_loads_nothing_and_runs_its_own_script_alone() -> None:
    found = text()
    reader = Reader(found)
    assert reader.loaded == []
    assert not any(words in found for words in ("http:", "https:", "url(", "@import"))
    (script,) = reader.scripts
    (digest,) = re.findall(r"script-src 'sha256-([^']+)'", found)
    assert b64decode(digest) == sha256(script.encode()).digest()
    assert "default-src 'none'" in found
    assert re.search(r"2 claims, 3 cases, judged 20\d\d-\d\d-\d\d \d\d:\d\d UTC", found)


@pytest.mark.parametrize(
    "field", ["case", "source", "reason", "unit", "note", "place", "because", "command", "accepted", "spread"]
)
def test_what_a_file_says_is_text(field: str) -> None:
    held = {"claim": "serve-batch", "effect": 1.5, "accepted": "reproduced", "line": "contradicted 1.5", field: EVIL}
    reader = read([row(Word.CONTRADICTED, **held)])
    assert (reader.loaded, len(reader.scripts)) == ([], 1)
    assert EVIL in reader.words


def test_what_a_register_a_remark_and_a_table_say_is_text() -> None:
    register = Register(document=EVIL, claims={EVIL: Claim(statement=EVIL)})
    rows = [row(Word.REPRODUCED, claim=EVIL, case=EVIL), row(Word.CONTRADICTED, claim=EVIL)]
    tables = [ScalingTable(EVIL, ("2 GPUs", EVIL), ((EVIL, ("1 s", EVIL)),))]
    reader = read(rows, register, remarks=[EVIL], scaling=tables)
    assert (reader.loaded, len(reader.scripts)) == ([], 1)
    assert [EVIL, "1 s", EVIL] in reader.rows

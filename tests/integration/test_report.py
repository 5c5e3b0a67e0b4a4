"""The report folder: verdicts.json, figures.json and index.html."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from .miniature import CLAIMS, REGISTER, REPOSITORY, Miniature, recording

SCHEMAS = REPOSITORY / "fixtures" / "schemas"


def read(suite: Miniature, name: str) -> Any:
    return json.loads((suite.path / "report" / name).read_text(encoding="utf-8"))


def page(suite: Miniature) -> str:
    return (suite.path / "report/index.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """The tags, the text, and the rows of every table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, text: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += text.strip()


@pytest.mark.parametrize("name", ["verdicts", "figures"])
def test_files_follow_their_published_schema(suite: Miniature, name: str) -> None:
    suite.run()
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(read(suite, f"{name}.json"), schema)


def test_every_case_has_one_row(suite: Miniature) -> None:
    suite.run()
    rows = read(suite, "verdicts.json")
    assert len(rows) == 20
    assert {(row["claim"], row["case"], row["source"]) for row in rows} == {
        (claim, case, source)
        for claim, cases in zip(CLAIMS, (("new64", "new128"), ("",), ("",), ("",)), strict=True)
        for case in cases
        for source in ("paper", "cpu", "gpu", "sagemaker")
    }


def test_a_row_tells_verdict_effect_interval_n_unit_and_reason(suite: Miniature) -> None:
    suite.run()
    assert suite.rows()["batch-is-free", "", "paper"] == {
        "claim": "batch-is-free",
        "case": "",
        "source": "paper",
        "verdict": "contradicted",
        "effect": pytest.approx(6 / 4.5),
        "interval": [pytest.approx(5.95 / 4.55), pytest.approx(6.05 / 4.45)],
        "n": 1,
        "unit": "ratio",
        "reason": "the rise exceeds the margin of 10.0%",
        "note": "",
        "reused": None,
    }


def test_figures_tell_what_a_verdict_stands_on(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live")
    rows = [row for row in read(suite, "figures.json") if row["claim"] == "zero1-faster"]
    assert {row["metric"] for row in rows} == {"optimizer_steps", "outcome", "train_runtime_seconds"}
    assert len({row["key"] for row in rows}) == 2
    assert all(row["key"].endswith("-p4d.24xlarge") and "zero_stage=" in row["workload"] for row in rows)


def test_the_page_tells_every_claim_and_every_case(suite: Miniature) -> None:
    suite.run()
    text = page(suite)
    shown = Page(text)
    for claim in CLAIMS:
        assert f'<tr id="{claim}">' in text
        assert f'<a href="#{claim}">' in text
    for line in REGISTER.splitlines():
        if line.startswith("statement"):
            assert line.split('"')[1] in text
    cases = [row for row in shown.rows if len(row) == 8]
    assert len(cases) == 1 + 20
    assert ["batch-is-free", "", "paper", "contradicted", "×1.33", "1.308 to 1.36", "1"] in [row[:7] for row in cases]


def test_the_page_needs_nothing_else(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live")
    shown = Page(page(suite))
    assert all(link.startswith("#") for link in shown.links)
    assert {"script", "link", "img", "iframe"}.isdisjoint(shown.tags)


def test_everything_from_files_is_escaped(suite: Miniature) -> None:
    evil = "<script>alert('x')</script>"
    suite.write(
        "fixtures/claims.toml",
        REGISTER.replace("sixteen GPUs", f"{evil} sixteen GPUs").replace("Longer prompts", f"{evil} Longer prompts"),
    )
    whole = recording()
    whole["evidence"][5]["outcome"] = {"kind": "failed", "signature": evil}
    suite.write_recording(whole)
    suite.run("--snapshot-update")
    assert evil in suite.rows()["zero1-faster", "", "gpu"]["reason"]
    assert evil in suite.rows()["batch-is-free", "", "paper"]["reason"]
    text = page(suite)
    assert "script" not in Page(text).tags
    assert text.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == 3


@pytest.mark.parametrize("misdeed", ["nan", "infinity"])
def test_no_number_is_ever_none(suite: Miniature, misdeed: str) -> None:
    suite.program.misbehave(misdeed, prompts=8)
    suite.run("-m", "cpu")
    for name in ("verdicts.json", "figures.json"):
        text = (suite.path / "report" / name).read_text(encoding="utf-8")
        json.loads(text, parse_constant=pytest.fail)
    assert suite.rows()["batch-is-free", "", "cpu"]["effect"] is None


def test_junit_carries_the_row(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live", "--claim", "zero1-faster", "--junitxml=junit.xml")
    (case,) = ElementTree.parse(suite.path / "junit.xml").iter("testcase")
    held = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
    assert case.get("name") == "test_zero1[paper]"
    assert json.loads(held["llm_claims_row"]) == suite.rows()["zero1-faster", "", "paper"]

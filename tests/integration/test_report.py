"""The report folder: verdicts.json, figures.json and index.html."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from itertools import product
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from .conftest import Ran
from .miniature import ACCEPTED, CLAIMS, REGISTER, REPOSITORY, Miniature, recording

SCHEMAS = REPOSITORY / "fixtures" / "schemas"


def read(suite: Miniature, name: str) -> Any:
    return json.loads((suite.path / "report" / name).read_text(encoding="utf-8"), parse_constant=pytest.fail)


def page(suite: Miniature) -> str:
    return (suite.path / "report/index.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """The tags, the links, and the rows of every table."""

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


@pytest.mark.parametrize("name", ["report/verdicts", "report/figures", "bench"])
def test_files_follow_their_published_schema(ran: Ran, name: str) -> None:
    schema = {"bench": "recording"}.get(name, name.rpartition("/")[2])
    text = (ran.suite.path / f"{name}.json").read_text(encoding="utf-8")
    jsonschema.validate(json.loads(text), json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8")))


def test_every_case_has_one_row(ran: Ran) -> None:
    cases = {(claim, case) for claim in CLAIMS[1:] for case in ("",)} | {
        (CLAIMS[0], case) for case in ("new64", "new128")
    }
    sources = ("paper", "cpu", "gpu", "sagemaker")
    assert len(read(ran.suite, "verdicts.json")) == 20
    assert set(ran.suite.rows()) == {(*case, source) for case, source in product(cases, sources)}


def test_a_row_tells_verdict_effect_interval_n_unit_and_reason(ran: Ran) -> None:
    assert ran.suite.rows()["batch-is-free", "", "paper"] == {
        "claim": "batch-is-free",
        "case": "",
        "source": "paper",
        "verdict": "contradicted",
        "effect": pytest.approx(6 / 4.5),
        "interval": [pytest.approx(5.95 / 4.55), pytest.approx(6.05 / 4.45)],
        "n": 1,
        "unit": "ratio",
        "smallest": pytest.approx((6.05 / 4.45 / (5.95 / 4.55)) ** 0.5 - 1),
        "reason": "the rise exceeds the margin of 10.0%",
        "spread": "",
        "note": "",
        "test": "test_claims.py::test_batch_of_eight[paper]",
        "command": "pytest 'test_claims.py::test_batch_of_eight[paper]'",
        "document": "",
        "place": "table 2",
        "accepted": ACCEPTED["test_batch_of_eight[paper]"],
        "because": "",
        "changes": [],
        "line": ACCEPTED["test_batch_of_eight[paper]"],
    }


def test_figures_tell_what_a_verdict_stands_on(ran: Ran) -> None:
    rows = [
        row for row in read(ran.suite, "figures.json") if (row["claim"], row["source"]) == ("zero1-faster", "paper")
    ]
    assert {row["metric"] for row in rows} == {"optimizer_steps", "outcome", "train_runtime_seconds"}
    assert len({row["key"] for row in rows}) == 2
    assert all(row["key"].endswith("-p4d.24xlarge") and "zero_stage=" in row["workload"] for row in rows)


def test_the_page_tells_every_claim_and_every_case_and_needs_nothing_else(ran: Ran) -> None:
    text = page(ran.suite)
    shown = Page(text)
    for claim in CLAIMS:
        assert f'<details class="claim" id="{claim}"' in text
        assert f'<a href="#{claim}">' in text
    for line in REGISTER.splitlines():
        if line.startswith("statement"):
            assert line.split('"')[1] in text
    assert ["A paper", "", "✗ contradicted", "×1.33 [1.308, 1.36]", "", "1"] in shown.rows
    assert "judged on cpu" not in text
    assert all(link.startswith("#") for link in shown.links)
    assert {"link", "img", "iframe"}.isdisjoint(shown.tags)


def test_runs_tell_figures_and_where_they_come_from(ran: Ran) -> None:
    text = page(ran.suite)
    assert "Cost of 1,000 prompts, paper" in text
    assert "What the run saw of itself" in text
    (link,) = set(re.findall(r'<a href="#(page-run-A\d+)">[^<]*batch_size=8', text))
    assert f'id="{link}"' in text


def test_the_same_in_other_forms(ran: Ran) -> None:
    rows = list(csv.DictReader((ran.suite.path / "report/verdicts.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["verdict"] for row in rows] == [row["verdict"] for row in read(ran.suite, "verdicts.json")]
    assert (ran.suite.path / "report/comment.md").read_text(encoding="utf-8").startswith("### ")


def test_a_run_on_github_tells_its_summary(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = suite.write("summary.md", "# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    suite.run("-m", "cpu and not live")
    told = summary.read_text(encoding="utf-8")
    assert told == "# before\n" + (suite.path / "report/comment.md").read_text(encoding="utf-8")


def test_everything_from_files_is_escaped(suite: Miniature) -> None:
    evil = "<script>alert('x')</script>"
    suite.write(
        "fixtures/claims.toml",
        REGISTER.replace("sixteen GPUs", f"{evil} sixteen GPUs").replace("Longer prompts", f"{evil} Longer prompts"),
    )
    whole = recording()
    whole["evidence"][5]["outcome"] = {"kind": "failed", "signature": evil}
    suite.write_recording(whole)
    suite.run("-m", "not sagemaker", "--snapshot-update")
    assert evil in suite.rows()["zero1-faster", "", "gpu"]["reason"]
    assert evil in suite.rows()["batch-is-free", "", "paper"]["reason"]
    text = page(suite)
    assert Page(text).tags.count("script") == 1
    assert text.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") >= 3


def test_no_number_is_ever_none(suite: Miniature) -> None:
    suite.program.misbehave("nan", prompts=8)
    suite.run("-m", "cpu and live", "--claim", "batch-is-free")
    assert read(suite, "part/figures.json")
    (row,) = read(suite, "part/verdicts.json")
    assert (row["verdict"], row["effect"]) == ("error", None)


def test_junit_carries_the_row(ran: Ran) -> None:
    cases = ElementTree.parse(ran.suite.path / "junit.xml").iter("testcase")
    (case,) = (case for case in cases if case.get("name") == "test_zero1[paper]")
    held = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
    row = ran.suite.rows()["zero1-faster", "", "paper"]
    assert held == {name: str(row[name]) for name in held}
    assert {
        "claim",
        "case",
        "source",
        "verdict",
        "effect",
        "interval",
        "n",
        "smallest",
        "reason",
        "spread",
        "note",
        "place",
        "accepted",
        "because",
    } == held.keys()

"""docs/findings.md and its plots are made from the verdicts: `make findings`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from tests.findings.facts import Facts, figures_in, without_figures
from tests.findings.page import FOLDER, Page, sentences

from . import real
from .miniature import REPOSITORY

DOCS = REPOSITORY / "docs"
FIGURE = re.compile(r"×\s?\d|\d\s?%|\d\.\d|\[\d|\b\d+ (s|ms|nats|[MGT]B/s|Tflop/s)\b")
"""What looks like a measured figure; how many prompts, tokens, steps and GPUs were asked for does not."""
BY_HAND = ("near", "unrecorded")
"""What may have figures that no recording has, and says so."""
PAIR = ("fast-7b-more-gpus-are-faster", "serve-7b-tp-no-gain")


@pytest.fixture(scope="module")
def facts(recorded: real.Run) -> Facts:
    return Facts.of(recorded.rows())


@pytest.fixture(scope="module")
def page(facts: Facts) -> Page:
    return Page(facts)


def texts(said: Any) -> Iterator[str]:
    """All that was written by hand, without what names files, claims and cases."""
    if isinstance(said, str):
        yield said
    for key, one in said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ():
        if key not in ("name", "claim", "claims", "cases"):
            yield from texts(one)


def test_the_page_is_what_the_verdicts_say_today(page: Page) -> None:
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == page.text, "make it anew: make findings"
    drawn = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / FOLDER).glob("*.svg")}
    assert drawn == page.plots, "make them anew: make findings"


def test_no_name_of_a_figure_is_left_unfilled(page: Page) -> None:
    assert re.findall(r"\{[^}]*@[^}]*\}", page.text) == []


def test_every_claim_that_is_judged_otherwise_than_by_its_document_is_named(facts: Facts, page: Page) -> None:
    assert len(facts.differing) > 10
    assert {claim for claim in facts.differing if f"`{claim}`" not in page.text} == set()
    assert {claim for claim in facts.table.claims if claim not in page.text} == set()


def test_no_sentence_has_a_figure_that_could_grow_stale() -> None:
    said = {name: part for name, part in sentences().items() if name not in BY_HAND}
    said["recorded"] = [one["recorded"] for one in sentences()["near"]]
    stale = [text for text in texts(said) if FIGURE.search(re.sub("`[^`]*`", "", without_figures(text)))]
    assert stale == []


def test_reasons_are_of_claims_that_are_judged_otherwise(facts: Facts) -> None:
    assert set(sentences()["why"]) - facts.differing == {"serve-default-batch-is-sequential"} - facts.differing
    assert set(sentences()["notes"]) <= set(facts.all)


def test_a_finding_names_figures_of_the_claims_that_it_draws(facts: Facts) -> None:
    for finding in sentences()["finding"]:
        drawn = {plot["claim"] for plot in finding["plots"]}
        assert drawn & set(figures_in(finding["figure"])), finding["title"]
        for claim in drawn:
            assert "gpu" not in facts.registers[facts.document_of[claim]]["claims"][claim].get("untestable", ())


def with_recording(facts: Facts, *rows: VerdictRow) -> Facts:
    """The facts with one recording more, of these rows."""
    (source,) = {row.source for row in rows}
    some = next(one for one in facts.all.values() if not one.documented)
    held = {**facts.recordings, "gpt_fast": (*facts.recordings["gpt_fast"], some.model_copy(update={"name": source}))}
    return replace(facts, rows=(*facts.rows, *rows), recordings=held)


def row(word: Word, claim: str, case: str) -> VerdictRow:
    return VerdictRow(
        claim=claim, case=case, source="h100x2-2027-01", verdict=word, effect=1.5, interval=(1.4, 1.6), n=3
    )


def test_a_new_recording_is_taken_without_edits(facts: Facts) -> None:
    new = with_recording(facts, row(Word.CONTRADICTED, "train-speed-zero1-above-zero3", "bf16"))
    page = Page(new)
    assert "| `h100x2-2027-01` | 1 × NVIDIA H100" in page.text
    assert "`train-speed-zero1-above-zero3`: nobody has told yet why." in page.text
    assert "h100x2-2027-01" in page.plots["zero-stages.svg"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((Word.REPRODUCED, None), "only what gpt-fast says was measured, and it holds"),
        ((None, Word.REPRODUCED), "only what Training and serving Llama on SageMaker says was measured, and it holds"),
        ((Word.REPRODUCED, Word.CONTRADICTED), "gpt-fast is right"),
        ((Word.WEAKENED, Word.REPRODUCED), "each is right of what it ran"),
        ((Word.CONTRADICTED, None), "only what gpt-fast says was measured, and it does not hold"),
        ((Word.INCONCLUSIVE, None), "only what gpt-fast says was measured, and nothing is decided"),
        ((Word.CONTRADICTED, Word.INCONCLUSIVE), "gpt-fast is wrong"),
        ((Word.INCONCLUSIVE, Word.INCONCLUSIVE), "nothing is decided"),
    ],
)
def test_who_is_right_follows_from_the_verdicts(
    facts: Facts, words: tuple[Word | None, Word | None], told: str
) -> None:
    cases = ("tp2-gpt-fast", "tp2-in750-batch1")
    rows = [row(word, claim, case) for word, claim, case in zip(words, PAIR, cases, strict=True) if word]
    assert f"On `h100x2-2027-01` {told}: " in Page(with_recording(facts, *rows)).text


def test_where_cases_of_one_claim_differ_it_depends_on_the_case(facts: Facts) -> None:
    rows = (row(Word.REPRODUCED, PAIR[0], "tp2-gpt-fast"), row(Word.CONTRADICTED, PAIR[0], "tp4-gpt-fast"))
    assert "says was measured, and it depends on the case: " in Page(with_recording(facts, *rows)).text


def test_documents_that_disagree_need_no_sentence(facts: Facts) -> None:
    page = Page(facts, {**sentences(), "disagreement": []})
    assert f"### `{PAIR[0]}` and `{PAIR[1]}`" in page.text
    assert f"{PAIR[0]}-or-{PAIR[1]}.svg" in page.plots


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{serve-deepspeed-faster-than-accelerate-13b[tp2]@h200x2-2026-11}", "×0.587 [0.463, 0.746]"),
        ("{1/serve-deepspeed-faster-than-accelerate-13b[tp2]@h200x2-2026-11!}", "×1.70"),
        ("{train-step-arithmetic[zero1-bf16]@h200x2-2026-11!}", "36 steps"),
        ("{step_seconds@h200x2-2026-11 zero_stage=3 precision=bf16 model=llama-7b}", "3.7 s"),
    ],
)
def test_a_figure_is_put_in_the_place_of_its_name(facts: Facts, text: str, shown: str) -> None:
    assert facts.filled(f"it is {text}.") == f"it is {shown}."


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{serve-13b-tp-no-gain[deepspeed-tp3]@h200x2-2026-11}", "no such case has an effect"),
        ("{step_seconds@h200x2-2026-11 zero_stage=2}", "no such workload was recorded"),
        ("{1/train-step-arithmetic[zero1-bf16]@h200x2-2026-11}", "no ratio to turn over"),
    ],
)
def test_a_name_of_no_figure_is_refused(facts: Facts, text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        facts.filled(text)

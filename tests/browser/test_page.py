"""The page in a browser: search, filter, links, keyboard, light and dark, on a phone, and without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest

from llm_claims.document.register import Claim, Register
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import table_of
from llm_claims.report.page.render import page

from ..integration import real

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="make browser installs it")
CLAIM = "train-speed-zero1-above-zero3"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real.run(tmp_path_factory.mktemp("browser"), *real.RECORDED).folder / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def shown(browser: playwright.Browser, report: Path) -> Iterator[playwright.Page]:
    """The page, in a window that fails the test if anything is asked of a network, or goes wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened, wrong = context.new_page(), []
    opened.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(report.as_uri())
    yield opened
    context.close()
    assert wrong == []


def visible(shown: playwright.Page) -> list[str]:
    return shown.eval_on_selector_all(".claim:not([hidden])", "all => all.map(one => one.id)")


def test_search_and_filters_leave_the_claims_that_fit(shown: playwright.Page) -> None:
    assert len(visible(shown)) == 47
    shown.fill("[name=text]", "zero3 rdma")
    assert visible(shown) == ["train-speed-rdma-zero3", "train-speed-rdma-helps-zero3-more"]
    assert shown.inner_text("#page-shown").startswith("2 of 47 claims")
    shown.click("button[type=reset]")
    shown.select_option("[name=verdict]", "contradicted")
    shown.select_option("[name=source]", label="C h200-losses-2026-11")
    assert "train-loss-bf16-below-fp16" in visible(shown)
    assert "train-speed-rdma-zero3" not in visible(shown)
    shown.select_option("[name=verdict]", "changed")
    assert visible(shown) == []


def test_runs_of_the_document_are_found_by_their_place(shown: playwright.Page) -> None:
    shown.fill("[name=text]", 'document-2023 "run B"')
    runs = shown.eval_on_selector_all(".run:not([hidden])", "all => all.map(one => one.textContent)")
    assert runs
    assert all("run B" in run for run in runs)


def test_a_link_opens_its_claim_even_if_it_was_filtered_out(shown: playwright.Page) -> None:
    shown.fill("[name=text]", "nothing has these words")
    shown.evaluate(f"location.hash = '{CLAIM}'")
    shown.wait_for_selector(f"#{CLAIM}[open]")
    assert shown.is_visible(f"#{CLAIM} >> text=ZeRO stage 1 trains much faster")
    assert shown.locator(f"#{CLAIM}").bounding_box()["y"] < 900


def test_a_claim_opens_by_keyboard_alone(shown: playwright.Page) -> None:
    shown.focus(f"#{CLAIM} > summary")
    shown.keyboard.press("Enter")
    assert shown.get_attribute(f"#{CLAIM}", "open") is not None
    assert shown.is_visible(f"#{CLAIM} .cases")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(shown: playwright.Page, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="make browser installs it")
    shown.emulate_media(color_scheme=scheme)
    shown.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = axe.Axe().run(shown).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]


def test_a_phone_scrolls_down_only(shown: playwright.Page) -> None:
    shown.set_viewport_size({"width": 360, "height": 740})
    shown.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert shown.evaluate("document.documentElement.scrollWidth") == 360


def test_it_is_painted_within_a_second_and_small(shown: playwright.Page, report: Path) -> None:
    shown.wait_for_function(PAINTED)
    assert shown.evaluate(PAINTED) < 1000
    assert report.stat().st_size < 2_000_000


def test_five_hundred_claims_are_written_in_15_seconds_and_filtered_in_a_fifth(
    browser: playwright.Browser, tmp_path: Path
) -> None:
    sources = [f"source-{i}" for i in range(10)]
    register = Register(document="Many", claims={f"claim-{i}": Claim(statement=f"Number {i}.") for i in range(500)})
    held = {"verdict": Word.REPRODUCED, "effect": 1.5, "interval": (1.0, 2.0), "n": 3}
    rows = [
        VerdictRow(claim=claim, source=source, case=f"case{i}", **held)
        for claim in register.claims
        for source in sources
        for i in range(5)
    ]
    began = perf_counter()
    file = tmp_path / "many.html"
    file.write_text(page(table_of(rows, list(register.claims), sources), register), encoding="utf-8")
    assert perf_counter() - began < 15
    opened = browser.new_page()
    opened.goto(file.as_uri())
    took = opened.evaluate(
        "() => { form.elements.text.value = 'claim-49'; const began = performance.now(); filter();"
        " document.body.offsetHeight; return performance.now() - began }"
    )
    assert len(visible(opened)) == 11
    assert took < 200
    opened.close()

"""Render the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from llm_claims.document.register import Register
from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.history.night import Acceptance, Night
from llm_claims.judging.rows import FigureRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import GRAVITY, SYMBOLS, Table
from llm_claims.report.changes import changes_of
from llm_claims.report.page.counterpart import Counterpart
from llm_claims.report.page.curve import HEIGHT, WIDTH
from llm_claims.report.page.runs import nights_of, runs_of
from llm_claims.report.page.view import Claims, grouped, sources_of
from llm_claims.report.scaling import ScalingTable

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def template(name: str) -> Template:
    """Return a template; whatever it is given is escaped. It is compiled once, for all pages of a report."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("llm_claims.report.page"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def text_of(name: str) -> str:
    """Return a file that a page holds as it is: its style, its script."""
    return files(__package__).joinpath("templates", name).read_text("utf-8")


def now() -> str:
    """The time as a page shows it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def page(
    table: Table,
    register: Register,
    figures: Sequence[FigureRow] = (),
    evidence: Mapping[str, Sequence[Evidence]] | None = None,
    *,
    tiers: Mapping[str, str] | None = None,
    nights: Iterable[Night | Acceptance] = (),
    remarks: Sequence[str] = (),
    scaling: Sequence[ScalingTable] = (),
    part: bool = False,
    first: str | None = None,
    disagreements: Mapping[str, Sequence[Counterpart]] | None = None,
) -> str:
    """Render the table as one self-contained HTML page; everything from files is escaped.

    Parameters
    ----------
    figures : what the verdicts stand on.
    evidence : what each source has, by its name.
    tiers : the kind of source that measures each, by its name.
    nights : the history before this run.
    remarks : what a reader has to know of the whole run.
    scaling : tables of speeds by the number of GPUs.
    part : whether the run judged a part of the suite.
    first : the file of the page that leads to all documents, if there are several.
    disagreements : what other documents say otherwise, by the claim that they say it of.
    """
    sources, series = sources_of(table, tiers or {}), nights_of(nights)
    runs = [run for one in sources for run in runs_of(one.name, one.letter, (evidence or {}).get(one.name, ()), series)]
    claims = Claims(
        table,
        register,
        sources,
        grouped(figures),
        {(run.source, run.key): run for run in runs},
        series,
        disagreements or {},
    )
    sections = list(claims.sections())
    entries = [entry for _, held in sections for entry in held]
    script = text_of("page.js")
    return template("index.html.j2").render(
        table=table,
        register=register,
        sources=sources,
        changes=changes_of(table, figures),
        sections=sections,
        against=[entry for entry in entries if entry.has(Word.CONTRADICTED, Word.WEAKENED)],
        untested=[entry for entry in entries if not entry.has(*set(Word) - {Word.UNTESTABLE})],
        runs=runs,
        words=GRAVITY,
        symbols=SYMBOLS,
        Word=Word,
        remarks=remarks,
        scaling=scaling,
        part=part,
        first=first,
        style=text_of("page.css"),
        script=script,
        # The browser runs this script alone: nothing that a file brought in.
        digest=b64encode(sha256(script.encode()).digest()).decode(),
        size=(WIDTH, HEIGHT),
        made=now(),
    )

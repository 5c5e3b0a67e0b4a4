"""What the page of findings stands on: verdicts, recordings and registers; and the figures that sentences name.

A sentence names a figure in braces, and has none of its own:

    {train-speed-zero1-above-zero3[bf16]@h200x2-2026-11}            ×3.76 [2.34, 6.04]
    {serve-engine-order[deepspeed-accelerate-tp2]@h200x2-2026-11!}  ×1.66, without the interval
    {1/serve-pipeline-batch-long-input-costs[…]@h100-2026-11}       turned over: ×6.37 [5.68, 7.09]
    {step_seconds@h200x2-2026-11 zero_stage=3 precision=bf16}       3.7 s: the median round; of several workloads, from
                                                                    the least to the most
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import Recording, read_recording
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import Table, table_of
from llm_claims.workloads import built_in
from llm_claims.workloads.registry import register

from .plot import interval_text, inverse, short_effect

ROOT = Path(__file__).parents[2]
_FIGURE = re.compile(r"\{(?P<over>1/)?(?P<name>[\w-]+)(?:\[(?P<case>[^]]*)\])?@(?P<source>[\w.-]+)(?P<rest>[^}]*)\}")
_SHOWN = {
    "share": (100, "%", 2),
    "s": (1, " s", 3),
    "s/step": (1, " s", 2),
    "nats": (1, " nats", 3),
    "steps": (1, " steps", 1),
    "flop/s": (1e-12, " Tflop/s", 3),
    "bytes/s": (1e-12, " TB/s", 3),
}
"""How a unit is shown: what values are multiplied by, the shown unit, and significant digits."""


@dataclass(frozen=True)
class Facts:
    """Verdicts, by ``rows``; recordings and registers, by document."""

    rows: tuple[VerdictRow, ...]
    recordings: Mapping[str, tuple[Recording, ...]]
    registers: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], fixtures: Path = ROOT / "fixtures") -> Facts:
        """Take the rows of verdicts.json, and read what lies in ``fixtures`` of each document that has recordings."""
        register(*built_in())
        read = [VerdictRow.model_validate(row) for row in rows]
        folders = sorted(folder.parent for folder in fixtures.glob("*/recordings"))
        recordings = {
            folder.name: tuple(read_recording(path) for path in sorted((folder / "recordings").glob("*.json")))
            for folder in folders
        }
        registers = {folder.name: tomllib.loads((folder / "claims.toml").read_text()) for folder in folders}
        known = {one.name for held in recordings.values() for one in held}
        return cls(tuple(row for row in read if row.source in known), recordings, registers)

    @cached_property
    def statements(self) -> dict[str, str]:
        """What each claim says, by id, in the order of the registers."""
        return {id: one["statement"] for register in self.registers.values() for id, one in register["claims"].items()}

    @cached_property
    def document_of(self) -> dict[str, str]:
        """The name of the document that makes each claim."""
        return {id: name for name, register in self.registers.items() for id in register["claims"]}

    @cached_property
    def own(self) -> set[str]:
        """The recordings that are a document's own figures."""
        return {one.name for held in self.recordings.values() for one in held if one.documented}

    @cached_property
    def all(self) -> dict[str, Recording]:
        """Each recording by its name; a document's own figures first."""
        held = [one for recordings in self.recordings.values() for one in recordings]
        return {one.name: one for one in sorted(held, key=lambda one: (not one.documented, one.name))}

    @cached_property
    def table(self) -> Table:
        """All judged cases, claims and sources in order."""
        judged = [row for row in self.rows if row.verdict is not Word.UNTESTABLE]
        return table_of(judged, list(self.statements), list(self.all))

    def rows_of(self, claim: str, cases: Iterable[str] | None = None) -> list[VerdictRow]:
        """The judged rows of a claim, of some cases or all; in each case the document's own figures come first."""
        rows = [row for row in self.table.rows if row.claim == claim]
        wanted = list(cases) if cases is not None else list(dict.fromkeys(row.case for row in rows))
        order = {name: number for number, name in enumerate(self.all)}
        return sorted(
            (row for row in rows if row.case in wanted), key=lambda row: (wanted.index(row.case), order[row.source])
        )

    @cached_property
    def differing(self) -> set[str]:
        """The claims of which a recording judges a case otherwise than the document's own figures do."""
        own = {(row.claim, row.case): row.verdict for row in self.table.rows if row.source in self.own}
        return {
            row.claim
            for row in self.table.rows
            if row.source not in self.own and own.get((row.claim, row.case), row.verdict) is not row.verdict
        } | {row.claim for row in self.table.rows if row.verdict is Word.CONTRADICTED}

    def filled(self, text: str) -> str:
        """Put figures in the place of their names.

        Raises
        ------
        ValueError
            There is no such figure; the text names it.
        """
        return _FIGURE.sub(self._figure, text)

    def _figure(self, found: re.Match[str]) -> str:
        whole, source, rest = found[0], found["source"], found["rest"].strip()
        if found["name"] not in self.statements:
            return self._median(whole, found["name"], source, rest)
        case = found["case"] or ""
        rows = [row for row in self.rows_of(found["name"]) if (row.case, row.source) == (case, source)]
        if len(rows) != 1 or rows[0].effect is None:
            raise ValueError(f"{whole}: no such case has an effect")
        row = inverse(rows[0]) if found["over"] else rows[0]
        return short_effect(row) if rest == "!" else interval_text(row)

    def _median(self, whole: str, metric: str, source: str, conditions: str) -> str:
        entries = self.all[source].evidence if source in self.all else ()
        asked = dict(part.split("=", 1) for part in conditions.split())
        held = [entry for entry in entries if metric in entry.metrics and _fits(entry, asked)]
        if not held:
            raise ValueError(f"{whole}: no such workload was recorded")
        factor, unit, digits = _SHOWN[held[0].metrics[metric].unit]
        values = sorted(entry.median(metric) * factor for entry in held)
        least, most = (f"{value:#.{digits}g}".rstrip(".") for value in (values[0], values[-1]))
        if least != most:
            return f"{least} to {most}{unit}"
        return f"{least}{unit.removesuffix('s') if least == '1' else unit}"


def figures_in(text: str) -> Iterator[str]:
    """Yield the claims that the figures of a text are of."""
    yield from (found["name"] for found in _FIGURE.finditer(text))


def without_figures(text: str) -> str:
    """A text without the names of figures."""
    return _FIGURE.sub("", text)


def _fits(entry: Evidence, asked: Mapping[str, str]) -> bool:
    """Whether a workload has the fields that are asked for; "-" asks for one that is left open."""
    return all(_said(getattr(entry.workload, name, None)) == value for name, value in asked.items())


def _said(value: object) -> str:
    return "-" if value is None else str(value)

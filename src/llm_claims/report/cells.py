"""The table of claims and sources that every report shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word

GRAVITY = (
    Word.ERROR,
    Word.CONTRADICTED,
    Word.WEAKENED,
    Word.INCONCLUSIVE,
    Word.REPRODUCED,
    Word.UNTESTABLE,
)
"""Gravest first: a cell that joins several cases shows the gravest."""
SYMBOLS = {
    Word.REPRODUCED: "✓",
    Word.WEAKENED: "~",
    Word.CONTRADICTED: "✗",
    Word.INCONCLUSIVE: "?",
    Word.UNTESTABLE: "·",
    Word.ERROR: "!",
}


def letters(number: int) -> list[str]:
    """Return names of columns: A to Z, then AA, AB and so on."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [alphabet[i // 26 - 1] * (i >= 26) + alphabet[i % 26] for i in range(number)]


def effect_text(row: VerdictRow) -> str:
    """The effect with its unit: ``×3.33``, ``147 steps``; empty where there is none."""
    if row.effect is None:
        return ""
    return f"×{row.effect:.3g}" if row.unit == "ratio" else f"{row.effect:.4g} {row.unit}".removesuffix(" 1")


@dataclass(frozen=True)
class Cell:
    """All cases of one claim on one source."""

    rows: tuple[VerdictRow, ...]

    @property
    def word(self) -> Word | None:
        """The gravest verdict, ``None`` for an empty cell."""
        return min((row.verdict for row in self.rows), key=GRAVITY.index, default=None)

    @property
    def text(self) -> str:
        """Word, effects, n, and how many cases the word speaks for."""
        if self.word is None:
            return ""
        judged = [row for row in self.rows if row.verdict is not Word.UNTESTABLE]
        parts = [
            str(self.word),
            self._range(" to "),
            self._n(self._gravest),
            self._share(len(self._gravest), len(judged)),
        ]
        return " ".join(filter(None, parts))

    @property
    def effects(self) -> str:
        """The effects of the cases that the word speaks for, shortened: ``×3.33–3.93``."""
        first, _, last = self._range("\0").partition("\0")
        return f"{first.partition(' ')[0]}–{last.lstrip('×')}" if last else first

    @property
    def _gravest(self) -> list[VerdictRow]:
        return [row for row in self.rows if row.verdict is self.word]

    def _range(self, between: str) -> str:
        """The least and the largest effect; cases of one claim may have several units, and a range has one."""
        alike = [row for row in self._gravest if row.effect is not None and row.unit == self._gravest[0].unit]
        effects = list(dict.fromkeys(map(effect_text, sorted(alike, key=lambda row: row.effect or 0.0))))
        return effects[0] + (between + effects[-1] if len(effects) > 1 else "") if effects else ""

    def _n(self, rows: Sequence[VerdictRow]) -> str:
        ns = sorted({row.n for row in rows})
        if self.word in (Word.UNTESTABLE, Word.ERROR):
            return ""
        return f"n={ns[0]}" if len(ns) == 1 else f"n={ns[0]}–{ns[-1]}"

    @staticmethod
    def _share(gravest: int, judged: int) -> str:
        if judged <= 1:
            return ""
        return f"({judged} cases)" if gravest == judged else f"({gravest} of {judged} cases)"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the measurements are analogues of, each note once; in untestable cases nothing was measured."""
        measured = (row for row in self.rows if row.verdict is not Word.UNTESTABLE)
        return tuple(dict.fromkeys(row.note for row in measured if row.note))

    @property
    def disagreement(self) -> str:
        """Which cases of the claim contradict it while others hold; empty where they agree."""
        against = [row.case for row in self.rows if row.verdict is Word.CONTRADICTED]
        holding = [row.case for row in self.rows if row.verdict in (Word.REPRODUCED, Word.WEAKENED)]
        if not (against and holding):
            return ""
        return f"holds for {_listed(holding)}; contradicted for {_listed(against)}"


def _listed(cases: Sequence[str]) -> str:
    return ", ".join(case or "the case without parameters" for case in cases)


@dataclass(frozen=True)
class Table:
    """Claims by sources, in the order in which they were judged."""

    claims: tuple[str, ...]
    sources: tuple[str, ...]
    rows: tuple[VerdictRow, ...]

    def cell(self, claim: str, source: str) -> Cell:
        """The cell of one claim and source."""
        return Cell(tuple(self._by_cell.get((claim, source), ())))

    @cached_property
    def _by_cell(self) -> dict[tuple[str, str], list[VerdictRow]]:
        found: dict[tuple[str, str], list[VerdictRow]] = {}
        for row in self.rows:
            found.setdefault((row.claim, row.source), []).append(row)
        return found

    def counts(self, source: str) -> dict[Word, int]:
        """How many cases of a source have each verdict, gravest first."""
        words = [row.verdict for row in self.rows if row.source == source]
        return {word: words.count(word) for word in GRAVITY if word in words}


def table_of(rows: Iterable[VerdictRow], claims: Sequence[str], sources: Sequence[str]) -> Table:
    """Arrange rows; ``claims`` and ``sources`` give the order, and those without rows are left out."""
    held = tuple(rows)
    named = {row.claim for row in held}
    used = {row.source for row in held}
    return Table(tuple(c for c in claims if c in named), tuple(s for s in sources if s in used), held)

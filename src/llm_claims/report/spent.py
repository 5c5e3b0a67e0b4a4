"""What live sources spent their time on, in a line each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from llm_claims.evidence.times import Times
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word

DECIDED = frozenset({Word.REPRODUCED, Word.WEAKENED, Word.CONTRADICTED})
"""The verdicts that decide a case."""
_LEAST_SHOWN = 0.005


def spent_line(source: str, times: Times, rows: Iterable[VerdictRow]) -> str:
    """Say what a source spent its time on, and how many cases it decided a minute."""
    decided = sum(row.source == source and row.verdict in DECIDED for row in rows)
    pace = f"; {decided / times.whole * 60:.1f} verdicts decided a minute" if times.whole else ""
    return f"{source}: {by_phase(times)}{pace}"


def by_phase(times: Times) -> str:
    """Say how long runs took, in s, and each phase of them as a share of that.

    Shares are of the time from the start of the first run to the end of the last; what is below half a percent of it
    is left out, but for measuring.
    """
    phases = {
        "measuring": times.measuring,
        "set-up": times.setup,
        "compiling and warm-up": times.compiling,
        "the rest of runs": times.untold,
        "between runs": times.between,
    }
    whole = times.whole or 1.0
    shown = [
        f"{name} {seconds:.0f} s ({seconds / whole:.0%})"
        for name, seconds in phases.items()
        if name == "measuring" or seconds / whole >= _LEAST_SHOWN
    ]
    return f"{times.whole:.0f} s: {', '.join(shown)}"


def folded(line: str, width: int) -> list[str]:
    """Fold a line to the terminal's width, in characters."""
    return textwrap.wrap(line, max(width, 40), subsequent_indent="  ", break_on_hyphens=False)

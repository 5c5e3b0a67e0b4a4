"""docs/reports.md is made from the accepted verdicts of the bug reports: `python tests/unit/test_reports_page.py`."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reports.md"
OUTCOMES = ("still so", "no longer so", "never so here", "cannot be told")
UNDECIDED = {"test_accumulation_raises_the_loss_under_zero2": "cannot be told: five rounds leave it open"}
"""Tests whose case stays inconclusive, which nobody can accept; any other has to have accepted verdicts."""
HEAD = """# Public bug reports, judged

What nine bug reports say of training in low precision and under ZeRO, in our words, and one behaviour read in
accelerate's code, judged live on a CPU (two or four ranks, gloo, a Llama of 140 thousand weights; torch
2.13, transformers 5.23, accelerate 1.15, DeepSpeed 0.19.8), and as recorded on two H100 (`h100x2-reports-2026-11`:
NCCL, SmolLM2-135M; torch 2.11, transformers 5.17).
`make claims` judges them again on the versions installed. One alone: `pytest tests/claims -m cpu --claim ID`.

*No longer so*: a fix is known. *Never so here*: it did not happen here, and which fix did it,
if any, is not known. Cases `exact` compare losses
to the last digit, cases `fp16` as numbers of fp16 are printed.

"""


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield report, statement, claim, case and what was found, of each case of each report."""
    claims = tomllib.loads((ROOT / "fixtures/reports/claims.toml").read_text())["claims"]
    for path in sorted((ROOT / "tests/claims/reports").glob("test_*.py")):
        reasons = tomllib.loads((path.parent / "__reasons__" / f"{path.stem}.toml").read_text())
        for id, place, test in re.findall(r'@claim\("(.+?)", place="(.+?)"\)[\s\S]*?def (\w+)', path.read_text()):
            cases = {
                name.partition("[")[2].rstrip("]"): reason["because"]
                for name, reason in sorted(reasons.items())
                if name.partition("[")[0] == test
            }
            for case, because in (cases or {"cpu": UNDECIDED[test]}).items():
                yield place, claims[id]["statement"], f"`{id}`", case, because


def page() -> str:
    found = list(rows())
    counts = Counter(next(one for one in OUTCOMES if because.startswith(one)) for *_, because in found)
    lines = [f"Of {len(found)} cases: " + ", ".join(f"{counts[one]} {one}" for one in OUTCOMES) + ".", ""]
    lines += ["| report | it says | claim | case | found |", "|---|---|---|---|---|"]
    told = ""
    for place, statement, claim, case, because in found:
        first = ("", "", "") if place == told else (place, statement, claim)
        lines.append(f"| {' | '.join((*first, case, because))} |")
        told = place
    return HEAD + "\n".join(lines) + "\n"


def test_the_page_has_every_accepted_verdict() -> None:
    assert PAGE.read_text() == page(), "make it anew: python tests/unit/test_reports_page.py"


if __name__ == "__main__":
    PAGE.write_text(page())

"""The findings page names every claim that a recording judges otherwise than the document does."""

from __future__ import annotations

from .miniature import REPOSITORY
from .real import Run

FINDINGS = (REPOSITORY / "docs/findings.md").read_text(encoding="utf-8")
DOCUMENT = "document-2023"


def rows_of(judged: Run) -> list[dict[str, str]]:
    report = judged.report("verdicts.json")
    rows: list[dict[str, str]] = report["rows"] if isinstance(report, dict) else report
    return rows


def test_every_difference_is_named(all_recorded: Run) -> None:
    verdicts = {(row["claim"], row["case"], row["source"]): row["verdict"] for row in rows_of(all_recorded)}
    different = {
        claim
        for (claim, case, source), verdict in verdicts.items()
        if source != DOCUMENT
        and verdict != "untestable"
        and verdicts.get((claim, case, DOCUMENT), "untestable") not in ("untestable", verdict)
    }
    assert different
    _, _, differing = FINDINGS.partition("## Where the verdicts differ")
    assert {claim for claim in different if f"| {claim}" not in differing} == set()


def test_every_recording_is_told_of(all_recorded: Run) -> None:
    sources = {row["source"] for row in rows_of(all_recorded)} - {DOCUMENT}
    assert {source for source in sources if f"`{source}`" not in FINDINGS} == set()

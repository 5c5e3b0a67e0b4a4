"""The line of what a live source spent its time on."""

from __future__ import annotations

from builders import row

from llm_claims.evidence.times import Times
from llm_claims.report.spent import folded, spent_line

ROWS = [
    *(row(word, source="gpu") for word in ("reproduced", "weakened", "contradicted", "inconclusive", "untestable")),
    row("reproduced", source="paper"),
]


def test_it_has_seconds_and_shares_and_how_fast_cases_were_decided() -> None:
    times = Times(whole=200.0, setup=30.0, compiling=30.0, measuring=120.0, untold=0.5)
    assert spent_line("gpu", times, ROWS) == (
        "gpu: 200 s: measuring 120 s (60%), set-up 30 s (15%), compiling and warm-up 30 s (15%), "
        "between runs 20 s (10%); 0.9 verdicts decided a minute"
    )


def test_a_program_that_tells_nothing_measured_nothing_that_is_known() -> None:
    assert spent_line("gpu", Times(60.0, 0.0, 0.0, 0.0, 60.0), []) == (
        "gpu: 60 s: measuring 0 s (0%), the rest of runs 60 s (100%); 0.0 verdicts decided a minute"
    )


def test_a_clock_that_stands_still_has_no_pace() -> None:
    assert spent_line("cpu", Times(0.0, 0.0, 0.0, 0.0, 0.0), ROWS) == "cpu: 0 s: measuring 0 s (0%)"


def test_a_narrow_terminal_folds_it() -> None:
    assert folded("gpu: 200 s: measuring 120 s (60%), set-up 30 s (15%)", 40) == [
        "gpu: 200 s: measuring 120 s (60%),",
        "  set-up 30 s (15%)",
    ]

"""Accepted verdicts: stable lines, read from and compared with a real snapshot file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_claims.judging.accepted import accepted_line
from llm_claims.relations.verdict import Interval, Verdict, Word

NUMBERS = [
    # relation, verdict, effect, all effects: the accepted line of a recording, and that of a live source
    ("less", "reproduced", 3.3333, (), "reproduced 3.333 [3, 3.667]", "reproduced"),
    ("less", "reproduced", 3.3333, (3.3333, 4.0), "reproduced 3.333 [3, 3.667] of 3.333, 4", "reproduced"),
    ("ratio", "weakened", 3.3333, (), "weakened 3.333 [3, 3.667]", "weakened"),
    ("flat", "inconclusive", 3.3333, (), "inconclusive 3.333 [3, 3.667]", "inconclusive"),
    ("less", "contradicted", 0.5, (), "contradicted 0.5 [0.45, 0.55]", "contradicted"),
    ("equal", "contradicted", 2.0, (), "contradicted 2 [1.8, 2.2]", "contradicted"),
    ("similar", "contradicted", 2.0, (), "contradicted 2 [1.8, 2.2]", "contradicted (above the margin)"),
    ("flat", "contradicted", 0.5, (), "contradicted 0.5 [0.45, 0.55]", "contradicted (below the margin)"),
    ("proportional", "contradicted", 0.5, (), "contradicted 0.5 [0.45, 0.55]", "contradicted (below the margin)"),
    ("outcome", "contradicted", None, (), "contradicted", "contradicted"),
    ("flat", "contradicted", None, (), "contradicted", "contradicted"),
]


@pytest.mark.parametrize(("relation", "word", "effect", "effects", "recorded", "live"), NUMBERS)
def test_a_recording_is_accepted_with_its_numbers_and_a_live_verdict_without(
    relation: str, word: str, effect: float | None, effects: tuple[float, ...], recorded: str, live: str
) -> None:
    interval = Interval(lower=effect * 0.9, upper=effect * 1.1) if effect is not None else None
    verdict = Verdict(word=Word(word), relation=relation, effect=effect, interval=interval, n=3, effects=effects)
    assert (accepted_line(verdict, live=False), accepted_line(verdict, live=True)) == (recorded, live)


INNER = """
from llm_claims.judging.accepted import AcceptedVerdict

def test_case(snapshot):
    accepted = AcceptedVerdict(snapshot)
    before = accepted.read()
    assert accepted.read() == before, "reading is no assertion and counts as none"
    print("before:", before)
    print("agrees:", accepted.agrees({line!r}))
"""
QUICK = ("-s", "-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:xdist", "-p", "no:cacheprovider")


def run(pytester: pytest.Pytester, line: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_inner=INNER.format(line=line))
    return pytester.runpytest_inprocess(*QUICK, *options)


def test_a_line_is_accepted_kept_and_compared(pytester: pytest.Pytester) -> None:
    old, new = "reproduced 3.333 [3, 3.667]", "contradicted 0.5 [0.4, 0.6]"
    run(pytester, old).stdout.fnmatch_lines(["*before: None", "agrees: False"])
    run(pytester, old, "--snapshot-update").stdout.fnmatch_lines(["*before: None", "agrees: True"])
    snapshots = Path(pytester.path) / "__snapshots__" / "test_inner.ambr"
    assert snapshots.read_text(encoding="utf-8").splitlines()[1:] == ["# name: test_case", f"  {old}", "# ---"]
    run(pytester, old).stdout.fnmatch_lines([f"*before: {old.replace('[', '[[]')}", "agrees: True"])
    run(pytester, new).stdout.fnmatch_lines([f"*before: {old.replace('[', '[[]')}", "agrees: False"])
    run(pytester, new, "--snapshot-update").stdout.fnmatch_lines(["agrees: True"])
    assert f"  {new}" in snapshots.read_text(encoding="utf-8")

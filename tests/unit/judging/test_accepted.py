"""Accepted verdicts: stable lines, read from and compared with a real snapshot file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_claims.judging.accepted import UNTESTABLE, VerdictSnapshotExtension, accepted_line
from llm_claims.relations.verdict import Interval, Verdict, Word


def verdict(word: Word, relation: str = "less", effect: float | None = 3.3333, n: int = 3) -> Verdict:
    interval = Interval(lower=effect * 0.9, upper=effect * 1.1) if effect is not None else None
    return Verdict(word=word, relation=relation, effect=effect, interval=interval, n=n)


@pytest.mark.parametrize("word", [Word.REPRODUCED, Word.WEAKENED, Word.CONTRADICTED, Word.INCONCLUSIVE])
def test_a_recording_s_verdict_is_accepted_with_its_numbers(word: Word) -> None:
    assert accepted_line(verdict(word), live=False) == f"{word} 3.333 [3, 3.667]"


@pytest.mark.parametrize("word", [Word.REPRODUCED, Word.WEAKENED, Word.INCONCLUSIVE])
@pytest.mark.parametrize("relation", ["less", "similar", "flat", "proportional", "equal"])
def test_a_live_verdict_is_accepted_without_any_number(word: Word, relation: str) -> None:
    for effect in (0.3, 3.3):
        assert accepted_line(verdict(word, relation, effect), live=True) == str(word)


@pytest.mark.parametrize("relation", ["similar", "flat", "proportional"])
@pytest.mark.parametrize(
    ("effect", "line"), [(1.4, "contradicted (above the margin)"), (0.7, "contradicted (below the margin)")]
)
def test_a_broken_margin_is_accepted_with_its_side(relation: str, effect: float, line: str) -> None:
    assert accepted_line(verdict(Word.CONTRADICTED, relation, effect), live=True) == line


@pytest.mark.parametrize("relation", ["less", "ratio", "increasing", "equal", "outcome"])
def test_other_contradictions_have_no_side(relation: str) -> None:
    assert accepted_line(verdict(Word.CONTRADICTED, relation), live=True) == "contradicted"


def test_an_outcome_has_no_number_anywhere() -> None:
    for live in (False, True):
        assert accepted_line(verdict(Word.CONTRADICTED, "flat", None), live=live) == "contradicted"


def test_no_comparison_of_a_recording_changes_unnoticed() -> None:
    several = verdict(Word.REPRODUCED).model_copy(update={"effects": (3.3333, 4.0)})
    assert accepted_line(several, live=False) == "reproduced 3.333 [3, 3.667] of 3.333, 4"
    assert accepted_line(several, live=True) == "reproduced"


def test_two_live_runs_of_one_verdict_give_one_line() -> None:
    lines = {accepted_line(verdict(Word.REPRODUCED, effect=e, n=n), live=True) for e, n in ((1.1, 3), (9.9, 5))}
    assert len(lines) == 1


def test_a_line_is_kept_as_it_is() -> None:
    assert VerdictSnapshotExtension().serialize("reproduced 3.333 [3, 3.667]") == "reproduced 3.333 [3, 3.667]"


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


def test_untestable_is_a_line_of_its_own() -> None:
    assert UNTESTABLE == "untestable"

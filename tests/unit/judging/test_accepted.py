"""Accepted verdicts: stable lines, read from and compared with a real snapshot file."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from llm_claims.judging.accepted import AcceptedVerdict, Update, accepted_line, is_verdict
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


def accepted(path: Path, update: Update = "nothing") -> AcceptedVerdict:
    return AcceptedVerdict(path, "test_case[cpu]", update, nullcontext)


def test_a_line_is_accepted_kept_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "__snapshots__" / "test_it.ambr"
    old, new = "reproduced 3.333 [3, 3.667]", "contradicted 0.5 [0.4, 0.6]"
    assert (accepted(path).read(), accepted(path).agrees(old)) == (None, False)
    assert accepted(path, "new").agrees(old)
    assert path.read_text(encoding="utf-8").splitlines()[1:] == ["# name: test_case[cpu]", f"  {old}", "# ---"]
    assert (accepted(path).read(), accepted(path).agrees(old)) == (old, True)
    assert not accepted(path).agrees(new)
    assert not accepted(path, "new").agrees(new)
    assert accepted(path, "all").agrees(new)
    assert accepted(path).read() == new
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "test_it.ambr"
    accepted(path, "all").agrees("reproduced")
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        accepted(path, "all").agrees("contradicted")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "line", "is_ours"),
    [
        ("test_it[cpu]", "reproduced", True),
        ("test_it[new64-paper]", "weakened 1.2 [1, 1.3]", True),
        ("test_it", "reproduced", False),
        ("test_it[cpu]", "a snapshot", False),
        ("test_it[cpu]", "reproduced\nin two lines", False),
    ],
)
def test_verdicts_are_told_from_the_snapshots_of_others(name: str, line: str, is_ours: bool) -> None:
    assert is_verdict(name, line) is is_ours

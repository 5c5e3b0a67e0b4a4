"""The file of a history: whole lines, in order, that nobody changed."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from nights import figure, night, nights

from llm_claims.errors import RecordingError
from llm_claims.judging.history.file import append, in_order, read, repaired, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nightly/history.jsonl"


def test_what_is_added_is_read_in_the_order_of_time(path: Path) -> None:
    first, second, third = nights([1.0, 1.1, 1.2])
    append(path, [third])
    append(path, [first, second])
    assert read(path) == [first, second, third]


def test_a_night_that_two_shards_have_is_taken_once(path: Path) -> None:
    first, second = nights([1.0, 1.1])
    write(path, [first, second])
    assert in_order([*read(path), *read(path), night(5, figure(2.0))]) == [first, second, night(5, figure(2.0))]


def _add(path: Path, number: int) -> None:
    for one in range(20):
        append(path, [night(100 * number + one, figure(1.0))])


def test_two_writers_lose_nothing(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_add, args=(path, number)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert len(read(path)) == 40


def test_a_night_cut_in_half_is_refused_and_repaired_in_words(path: Path) -> None:
    append(path, nights([1.0, 1.1]))
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-40], encoding="utf-8")
    words = f"{path}, line 2: it is cut short: .* llm-claims history {path} --repair"
    with pytest.raises(RecordingError, match=words):
        read(path)
    with pytest.raises(RecordingError, match=words):
        append(path, nights([1.2], first=2))
    assert repaired(path) == text.splitlines()[1][:-39]
    assert read(path) == nights([1.0])
    assert repaired(path) is None


def test_a_line_that_was_edited_is_refused(path: Path) -> None:
    append(path, nights([1.0, 1.1]))
    path.write_text(path.read_text(encoding="utf-8").replace("1.1", "1.0"), encoding="utf-8")
    with pytest.raises(RecordingError, match=f"{path}, line 2: its checksum does not fit"):
        read(path)


@pytest.mark.parametrize(("text", "words"), [("hello\n", "line 1: its checksum"), ("\xff", "line 1: it is cut short")])
def test_what_is_no_history_is_refused(path: Path, text: str, words: str) -> None:
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError, match=words):
        read(path)

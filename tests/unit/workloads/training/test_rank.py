"""What is told of a rank that fails."""

from __future__ import annotations

import select
from pathlib import Path

from llm_claims.workloads.program import outcome_of
from llm_claims.workloads.training.rank import RankError, Reports, last_lines


def written(folder: Path, text: str | bytes, rank: int = 0) -> Path:
    (folder / f"rank{rank}.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_the_last_lines_are_ten_at_most_and_none_is_empty(tmp_path: Path) -> None:
    text = "\n\n".join(f"line {number}" for number in range(30)) + "\n \n"
    assert last_lines(written(tmp_path, text), 0) == [f"line {number}" for number in range(20, 30)]


def test_a_progress_bar_is_one_line(tmp_path: Path) -> None:
    text = "before\n" + "".join(f"\r{step}/9 [00:0{step}]" for step in range(10)) + "\nafter\r\n"
    assert last_lines(written(tmp_path, text), 0) == ["before", "9/9 [00:09]", "after"]


def test_what_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    assert last_lines(written(tmp_path, b"\xff\xfe words\n"), 0) == ["\ufffd\ufffd words"]


def test_a_rank_that_wrote_nothing_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path, 0) == last_lines(written(tmp_path, "", 1), 1) == []
    assert str(RankError.of(1, "died by SIGKILL", tmp_path)) == "rank 1: died by SIGKILL"


def test_the_outcome_is_signed_with_all_lines(tmp_path: Path) -> None:
    error = RankError.of(1, "died by SIGKILL", written(tmp_path, "one\ntwo\n", 1))
    assert outcome_of(error).signature == "RankError: rank 1: died by SIGKILL; its last lines:\n    one\n    two"
    assert outcome_of(error).kind == "failed"


def test_only_its_first_line_says_that_memory_ran_out(tmp_path: Path) -> None:
    words = "RuntimeError: [enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
    assert outcome_of(RankError.of(0, words, tmp_path)).kind == "out_of_memory"
    assert outcome_of(RankError.of(0, "ValueError: bad", written(tmp_path, words))).kind == "failed"


def test_reports_are_heard_by_rank() -> None:
    reports = Reports()
    assert reports.heard() == {}
    reports.add(1, "ValueError: of several\nlines")
    reports.add(0, "KeyError")
    assert reports.heard() == {1: "ValueError: of several lines", 0: "KeyError"}
    assert reports.heard() == {}


def test_a_long_report_is_cut_and_spoils_no_other() -> None:
    reports = Reports()
    reports.add(0, "é" * select.PIPE_BUF)
    reports.add(1, "short")
    heard = reports.heard()
    assert heard[1] == "short"
    assert heard[0].startswith("éé")
    assert len(heard[0].encode()) <= select.PIPE_BUF + 3

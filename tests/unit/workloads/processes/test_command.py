"""A command is spoken with in lines, and its last lines are kept; see also the tests of programs in `sources`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llm_claims.workloads.processes.process import Command, Ended, in_words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exit status 0"),
        (7, "exit status 7"),
        (-9, "killed by SIGKILL"),
        (-60, "killed by signal 60"),
        (None, "it closed its output and lived on"),
    ],
)
def test_an_exit_status_is_put_in_words(status: int | None, words: str) -> None:
    assert in_words(status) == words


def test_a_command_has_the_environment_and_the_folder_that_it_is_given(tmp_path: Path) -> None:
    command = Command(["/bin/sh", "-c", 'echo "$NAME in $PWD"; exit 3'], {"NAME": "it"}, str(tmp_path))
    assert command.read_line(10) == f"it in {tmp_path}"
    for spoken in (command.read_line, lambda: command.write_line("there?")):
        with pytest.raises(Ended, match="exit status 3") as ended:
            spoken()
        assert ended.value.status == 3
    command.end()
    with pytest.raises(Ended):
        command.write_line("there?")


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"", []),
        (b"\n\n".join(b"line %d" % number for number in range(30)) + b"\n \n", [f"line {n}" for n in range(20, 30)]),
        (b"before\n\r1/9 [00:01]\r9/9 [00:09]\nafter\r\n", ["before", "9/9 [00:09]", "after"]),
        (b"\xff\xfe words\n", ["\ufffd\ufffd words"]),
        (b"x" * 100_000 + b"\nlast", ["x" * (65_536 - 5), "last"]),
    ],
    ids=["nothing", "many", "bar", "no-text", "long"],
)
def test_the_last_lines_are_ten_at_most_and_none_is_empty(written: bytes, lines: list[str]) -> None:
    command = Command([sys.executable, "-I", "-S", "-c", f"import os; os.write(2, {written!r})"])
    with pytest.raises(Ended):
        command.read_line(10)
    assert command.last_lines() == lines
    command.end()

"""A program process keeps a program between requests, and tells every fault in words."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import pytest
from fake_programs import GOOD, REQUEST, Program, fault_of
from scripts import lives

from llm_claims.errors import ProgramError
from llm_claims.sources.process import ProgramProcess


def test_one_program_answers_many_requests(program: Program) -> None:
    process = program(GOOD)
    assert process.pid is None
    assert process.start().hardware == "a desk, 1 core"
    pid = process.pid
    assert [process.ask(REQUEST, 30).metrics["latency_seconds"] for _ in range(3)] == [1.5, 1.5, 1.5]
    assert process.pid == pid


def test_the_program_reads_the_request_as_it_was_asked(program: Program, tmp_path: Path) -> None:
    process = program(f"say(READY); open({str(tmp_path / 'heard')!r}, 'w').write(sys.stdin.readline()); say(ANSWER)")
    process.ask(REQUEST, 30)
    assert (tmp_path / "heard").read_text() == REQUEST.model_dump_json() + "\n"


def test_close_ends_the_program_and_may_be_called_again(program: Program) -> None:
    process = program(GOOD)
    process.start()
    pid = process.pid
    assert pid is not None
    process.close()
    process.close()
    assert process.pid is None
    assert not lives(pid)


def test_a_closed_program_starts_afresh_when_asked(program: Program) -> None:
    with program(GOOD) as process:
        process.close()
        assert process.ask(REQUEST, 30).metrics == {"latency_seconds": 1.5}


def test_a_program_that_ends_with_its_input_is_not_signalled(program: Program, tmp_path: Path) -> None:
    process = program(GOOD + f"open({str(tmp_path / 'tidy')!r}, 'w').write('yes')")
    process.start()
    process.close(grace_seconds=30)
    assert (tmp_path / "tidy").read_text() == "yes"


KILLED = "died when asked for Generation(input_tokens=10, new_tokens=5): killed by SIGKILL"
FAULTS = {
    "dies-at-start": (
        "for n in range(30): complain(f'line {n}')\nsys.exit(3)",
        ["died while setting up: exit status 3.\nThe last lines it wrote:\n    line 20\n", "    line 29"],
    ),
    "raises-at-start": ("1 / 0", ["died while setting up: exit status 1.", "ZeroDivisionError"]),
    "is-killed": (
        "say(READY); sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)",
        [KILLED, "memory running out", "It wrote nothing to standard error."],
    ),
    "closes-its-output": ("say(READY); os.close(1); time.sleep(60)", ["closed its output and lived on"]),
    "says-nothing-useful": ("say('Welcome!'); time.sleep(60)", ["something else than one Ready a line: 'Welcome!'"]),
    "is-no-text": (r"sys.stdout.buffer.write(b'\xff\xfe\n'); sys.stdout.flush(); time.sleep(60)", ["talked rubbish"]),
    "floods": ("say(READY)\nwhile True: sys.stdout.write('x' * 65536)", ["talked rubbish"]),
}
HANGS = {
    "hangs": ("say(READY); sys.stdin.readline(); complain('thinking'); time.sleep(60)", ["when asked for", "thinking"]),
    "half-a-line": ("say(READY); sys.stdin.readline(); print(ANSWER, end='', flush=True); time.sleep(60)", []),
    "hangs-at-start": ("time.sleep(60)", ["while setting up"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_words(program: Program, fault: str) -> None:
    body, words = FAULTS[fault]
    text = fault_of(program(body))
    assert all(word in text for word in words), text
    assert len(text) < 2_000


@pytest.mark.parametrize("fault", HANGS)
def test_a_program_that_hangs_is_killed_when_its_time_is_over(program: Program, fault: str) -> None:
    body, words = HANGS[fault]
    process = program(body, setup_timeout_seconds=1 if fault == "hangs-at-start" else 30)
    if fault != "hangs-at-start":
        process.start()
    start = monotonic()
    text = fault_of(process, timeout_seconds=1)
    assert 1 <= monotonic() - start < 10
    assert all(word in text for word in ["hung", "nothing came within 1 s, so it was killed", *words]), text


@pytest.mark.parametrize(
    "answer",
    [
        "Loading weights: 100%",
        "",
        "[1.5]",
        '{"metrics": {"latency_seconds": NaN}}',
        '{"metrics": {"latency_seconds": Infinity}}',
        '{"metrics": {"latency_seconds": 1.5}, "note": "an extra field"}',
        '{"outcome": {"kind": "failed"}}',
        '{"metrics": {"latency_seconds": 1.5}',
    ],
)
def test_what_is_no_answer_is_shown(program: Program, answer: str) -> None:
    text = fault_of(
        program(f"say(READY); sys.stdin.readline(); complain('on my way'); say({answer!r}); time.sleep(60)")
    )
    assert "talked rubbish when asked for" in text
    assert repr(answer) in text
    assert "on my way" in text


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("say(ANSWER); sys.exit(4)", "exit status 4"),
        ("say(ANSWER + chr(10) + ANSWER); time.sleep(60)", "spoke without being asked"),
    ],
)
def test_what_happens_between_requests_is_told_at_the_next(program: Program, then: str, words: str) -> None:
    process = program(f"say(READY); sys.stdin.readline(); {then}")
    process.ask(REQUEST, 30)
    assert words in fault_of(process)


def test_after_a_fault_the_next_request_starts_a_fresh_program(program: Program, tmp_path: Path) -> None:
    mark = str(tmp_path / "died before")
    process = program(f"if not os.path.exists({mark!r}): open({mark!r}, 'w'); sys.exit(5)\n{GOOD}")
    assert "exit status 5" in fault_of(process)
    assert process.ask(REQUEST, 30).metrics == {"latency_seconds": 1.5}


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(ProgramError, match=r"no-such-program --fast cannot be started: .*No such file"):
        ProgramProcess(["/no-such-program", "--fast"]).start()


def test_a_flood_of_standard_error_neither_blocks_nor_fills_the_fault(program: Program) -> None:
    process = program(
        """
        say(READY)
        sys.stdin.readline()
        for n in range(200_000): sys.stderr.write(f"warning {n} of a library that never stops\\n")
        say(ANSWER)
        sys.stdin.readline()
        sys.exit(6)
        """
    )
    assert process.ask(REQUEST, 30).metrics == {"latency_seconds": 1.5}
    text = fault_of(process)
    assert "warning 199999" in text
    assert text.count("warning") == 10

"""A program process keeps a program between requests, and tells every fault in words."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import pytest
from fake_programs import GOOD, REQUEST, Program, fault_of, is_gone, pid_in

from llm_claims.errors import ProgramError
from llm_claims.sources.process import ProgramProcess
from llm_claims.workloads.protocol import Request

# --- what goes well


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
    assert Request.model_validate_json((tmp_path / "heard").read_text()) == REQUEST


def test_close_ends_the_program_and_may_be_called_again(program: Program) -> None:
    process = program(GOOD)
    process.start()
    pid = process.pid
    assert pid is not None
    process.close()
    process.close()
    assert process.pid is None
    assert is_gone(pid)


def test_a_closed_program_starts_afresh_when_asked(program: Program) -> None:
    with program(GOOD) as process:
        process.close()
        assert process.ask(REQUEST, 30).metrics == {"latency_seconds": 1.5}


def test_a_program_that_ends_with_its_input_is_not_signalled(program: Program, tmp_path: Path) -> None:
    process = program(GOOD + f"open({str(tmp_path / 'tidy')!r}, 'w').write('yes')")
    process.start()
    process.close(grace_seconds=30)
    assert (tmp_path / "tidy").read_text() == "yes"


# --- death


def test_death_at_start_shows_the_status_and_the_last_lines(program: Program) -> None:
    text = fault_of(program("for n in range(30): complain(f'line {n}')\nsys.exit(3)"))
    assert "died while setting up: exit status 3." in text
    assert [line.strip() for line in text.splitlines()[2:]] == [f"line {n}" for n in range(20, 30)]


def test_death_by_an_exception_shows_it(program: Program) -> None:
    assert "ZeroDivisionError" in fault_of(program("1 / 0"))


def test_death_by_a_signal_names_it(program: Program) -> None:
    text = fault_of(program("say(READY); sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)"))
    assert "died when asked for Generation(input_tokens=10, new_tokens=5): killed by SIGKILL" in text
    assert "memory running out" in text
    assert "It wrote nothing to standard error." in text


def test_death_between_requests_is_told_at_the_next(program: Program) -> None:
    process = program("say(READY); sys.stdin.readline(); say(ANSWER); sys.exit(4)")
    process.ask(REQUEST, 30)
    pid = process.pid
    assert pid is not None
    assert is_gone(pid)
    assert "exit status 4" in fault_of(process)


def test_a_program_that_closes_its_output_and_lives_is_killed(program: Program, tmp_path: Path) -> None:
    process = program(
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nsay(READY); os.close(1); time.sleep(60)"
    )
    assert "closed its output and lived on" in fault_of(process)
    assert is_gone(pid_in(tmp_path / "pid"))


def test_after_a_fault_the_next_request_starts_a_fresh_program(program: Program, tmp_path: Path) -> None:
    mark = str(tmp_path / "died before")
    process = program(f"if not os.path.exists({mark!r}): open({mark!r}, 'w'); sys.exit(5)\n{GOOD}")
    assert "exit status 5" in fault_of(process)
    assert process.ask(REQUEST, 30).metrics == {"latency_seconds": 1.5}


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(ProgramError, match=r"no-such-program --fast cannot be started: .*No such file"):
        ProgramProcess(["/no-such-program", "--fast"]).start()


# --- hanging


def test_a_program_that_hangs_is_killed_when_its_time_is_over(program: Program) -> None:
    process = program("say(READY); sys.stdin.readline(); complain('thinking'); time.sleep(60)")
    process.start()
    pid, start = process.pid, monotonic()
    text = fault_of(process, timeout_seconds=1)
    assert 1 <= monotonic() - start < 10
    assert "hung when asked for" in text
    assert "nothing came within 1 s, so it was killed" in text
    assert "thinking" in text
    assert pid is not None
    assert is_gone(pid)


def test_half_a_line_is_no_answer(program: Program) -> None:
    process = program("say(READY); sys.stdin.readline(); print(ANSWER, end='', flush=True); time.sleep(60)")
    assert "hung" in fault_of(process, timeout_seconds=1)


def test_a_program_that_hangs_while_setting_up_is_killed(program: Program) -> None:
    text = fault_of(program("time.sleep(60)", setup_timeout_seconds=1))
    assert "hung while setting up: nothing came within 1 s" in text


# --- rubbish


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


def test_rubbish_in_place_of_ready_is_shown(program: Program) -> None:
    assert "something else than one Ready a line: 'Welcome!'" in fault_of(program("say('Welcome!'); time.sleep(60)"))


def test_an_answer_that_nobody_asked_for_is_rubbish(program: Program) -> None:
    process = program("say(READY); sys.stdin.readline(); print(ANSWER + '\\n' + ANSWER, flush=True); time.sleep(60)")
    process.ask(REQUEST, 30)
    assert "spoke without being asked" in fault_of(process)


def test_bytes_that_are_no_text_are_rubbish(program: Program) -> None:
    assert "rubbish" in fault_of(program(r"sys.stdout.buffer.write(b'\xff\xfe\n'); sys.stdout.flush(); time.sleep(60)"))


def test_a_flood_without_a_line_s_end_is_cut_and_shown_in_part(program: Program) -> None:
    text = fault_of(program("say(READY)\nwhile True: sys.stdout.write('x' * 65536)"))
    assert "rubbish" in text
    assert len(text) < 2_000


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

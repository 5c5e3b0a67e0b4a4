"""A live program that misbehaves gives an error, never a verdict, and spoils no other case."""

from __future__ import annotations

import signal
import sys
import time

import psutil
import pytest

from .miniature import Miniature

LIVE = ("-m", "cpu and live", "--sample-timeout", "1")
BATCH = {"prompts": 8}
OTHERS = {
    ("input-costs", "new64"): "reproduced",
    ("input-costs", "new128"): "reproduced",
    ("tokens-double", ""): "reproduced",
    ("zero1-faster", ""): "untestable",
}

# What the program does when asked for the batch of eight, and words of the reason.
MISDEEDS = {
    "die": (r"died when asked for Generation(*): exit status 3.", "the last words of the fake"),
    "hang": (r"hung when asked for Generation(*): nothing came within 1 s, so it was killed.", "the fake falls asleep"),
    "rubbish": (
        "talked rubbish when asked for Generation(*): it wrote something else than one Answer a line: "
        "'Loading checkpoint shards: 100%'*",
        "the fake is out of its mind",
    ),
    "nan": ("*talked rubbish*metrics.latency_seconds*finite number*",),
    "infinity": ("*talked rubbish*metrics.latency_seconds*finite number*",),
    "fail": ("Generation(*), round *: the run ended out_of_memory: the fake's memory is full",),
    "unknown-metric": ("*the program answered a metric that nobody knows: 'smell'",),
    "no-latency": ("Generation(*): no metric 'latency_seconds' in its evidence",),
    "no-witness": ("*the run was not what was asked, so it is refused: the run carries no witness",),
    "tokens": ("*so it is refused: new_tokens: asked (64, 64, 64, 64, 64, 64, 64, 64), the run saw (63,)",),
    "dtype": ("*so it is refused: forward_dtypes: asked ('float32',), the run saw ('bfloat16', 'float32')",),
    "batch": ("*so it is refused: forward_batch_sizes: asked (8,), the run saw (1,)",),
    "model": ("*so it is refused: model: asked 'llama-30m', the run saw 'llama-7b'",),
    "negative": ("*a duration must be positive, got -1 s*",),
}


def assert_nothing_is_left(suite: Miniature) -> None:
    """No process of the program lives, and no child that it left."""
    assert suite.program.pids
    for pid in suite.program.pids:
        try:
            assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue


@pytest.mark.parametrize("kind", MISDEEDS)
def test_it_is_an_error_and_other_cases_get_their_verdicts(suite: Miniature, kind: str) -> None:
    suite.program.misbehave(kind, **BATCH)
    result = suite.run(*LIVE)
    result.assert_outcomes(failed=1, passed=3, skipped=1, deselected=15)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert suite.words("cpu") == {**OTHERS, ("batch-is-free", ""): "error"}
    row = suite.rows()["batch-is-free", "", "cpu"]
    assert (row["effect"], row["interval"], row["n"]) == (None, None, 0)
    said, *last = MISDEEDS[kind]
    result.stdout.fnmatch_lines([f"batch-is-free on cpu: *{said}", *(f"*{line}" for line in last)])
    assert all(line in row["reason"] for line in last)
    assert_nothing_is_left(suite)


@pytest.mark.parametrize("kind", ["die", "tokens", "no-latency"])
def test_a_sound_first_round_is_no_verdict(suite: Miniature, kind: str) -> None:
    suite.program.misbehave(kind, from_round=2, **BATCH)
    suite.run(*LIVE, "--claim", "batch-is-free").assert_outcomes(failed=1, deselected=19)
    assert suite.words("cpu") == {("batch-is-free", ""): "error"}


def test_what_failed_is_not_tried_again(suite: Miniature) -> None:
    suite.program.misbehave("die", input_tokens=10, new_tokens=64, prompts=1, api="generate")
    result = suite.run(*LIVE)
    result.assert_outcomes(failed=2, passed=1, skipped=1, xfailed=1, deselected=15)
    died = [
        entry
        for entry in suite.program.requests
        if {**entry["asked"]["workload"], "api": "generate", "new_tokens": 64, "prompts": 1, "input_tokens": 10}
        == entry["asked"]["workload"]
    ]
    assert len(died) == 1
    assert len({entry["pid"] for entry in suite.program.requests}) == 2


def test_what_a_dying_program_left_running_is_ended_too(suite: Miniature) -> None:
    suite.program.misbehave("die-with-child", **BATCH)
    suite.run(*LIVE, "--claim", "batch-is-free")
    assert any("child" in entry for entry in suite.program.log)
    assert_nothing_is_left(suite)


def test_a_program_ends_with_the_run(suite: Miniature) -> None:
    suite.run(*LIVE)
    assert_nothing_is_left(suite)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/program", "program cannot be started: *No such file or directory*"),
        (f"{sys.executable} -I -S -c 'raise SystemExit(7)'", "died while setting up: exit status 7.*"),
        (f"{sys.executable} -I -S -c 'print(1)'", "talked rubbish while setting up*than one Ready a line: '1'*"),
    ],
    ids=["missing", "dies", "rubbish"],
)
def test_a_program_that_cannot_be_set_up_is_an_error(suite: Miniature, command: str, words: str) -> None:
    result = suite.run(*LIVE, "-o", f"claims_cpu_program={command}")
    result.assert_outcomes(failed=4, skipped=1, deselected=15)
    result.stdout.fnmatch_lines([f"batch-is-free on cpu: *{words}"])


def test_an_interrupt_leaves_no_program_behind(suite: Miniature) -> None:
    suite.program.misbehave("hang")
    run = suite.start("-m", "cpu and live", "--sample-timeout", "50")
    deadline = time.monotonic() + 30
    while not suite.program.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=30)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, said
    assert_nothing_is_left(suite)

"""A live program that misbehaves gives an error, never a verdict, and spoils no other case."""

from __future__ import annotations

import sys
from collections import Counter
from fnmatch import fnmatch

import pytest

from .conftest import Ran
from .miniature import build, lives

LIVE = ("-m", "cpu and live", "--sample-timeout", "1")

# What the program does when asked for a batch of eight, and the reason.
MISDEEDS = {
    "die": "*died when asked for Generation(*): exit status 3.*the last words of the fake*",
    "die-with-child": "*died when asked for Generation(*): exit status 3.*",
    "hang": "*hung when asked for Generation(*): nothing came within 1 s, so it was killed.*the fake falls asleep*",
    "rubbish": "*talked rubbish when asked for Generation(*): it wrote something else than one Answer a line: "
    "'Loading checkpoint shards: 100%'*the fake is out of its mind*",
    "nan": "*talked rubbish*metrics.latency_seconds*finite number*",
    "infinity": "*talked rubbish*metrics.latency_seconds*finite number*",
    "fail": "Generation(*), round *: the run ended out_of_memory: the fake's memory is full",
    "unknown-metric": "Generation(*), round *: Generation has no metric 'smell'; it has *",
    "no-latency": "Generation(*): no metric 'latency_seconds' in its evidence",
    "no-witness": "*the run was not what was asked, so it is refused: the run carries no witness",
    "tokens": "*so it is refused: new_tokens: asked (64, 64, 64, 64, 64, 64, 64, 64), the run saw (63,)",
    "dtype": "*so it is refused: forward_dtypes: asked ('float32',), the run saw ('bfloat16', 'float32')",
    "batch": "*so it is refused: forward_batch_sizes: asked (8,), the run saw (1,)",
    "model": "*so it is refused: model: asked 'llama-30m', the run saw 'llama-7b'",
    "negative": "*a duration must be positive, got -1 s*",
}
# The same from the second round on: a sound first one is no verdict.
LATER = {
    "later die": MISDEEDS["die"],
    "later tokens": MISDEEDS["tokens"],
    "later no-latency": "Generation(*), round 2: it has other metrics than the rounds before it",
}

TESTS = """\
from itertools import product

@claim("input-costs", place="table 1")
@pytest.mark.parametrize("asker", range(2))
@pytest.mark.parametrize("tokens", range(1001, {end}))
def test_misdeed(measure, judge, tokens, asker):
    alone = measure(Generation())
    eight = measure(Generation(api="pipeline", prompts=8, batch_size=8, input_tokens=tokens))
    judge(less(alone.latency_seconds, eight.latency_seconds))
"""
TOKENS = {name: 1001 + number for number, name in enumerate([*MISDEEDS, *LATER])}


@pytest.fixture(scope="module")
def misdone(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run in which two cases each ask for a workload with which the program does something that it must not."""
    suite = build(tmp_path_factory.mktemp("misdeeds"))
    suite.write_test(TESTS.format(end=1001 + len(TOKENS)), "test_misdeeds.py")
    for name, tokens in TOKENS.items():
        kind = name.removeprefix("later ")
        suite.program.misbehave(kind, from_round=1 if name == kind else 2, input_tokens=tokens)
    return Ran(suite, suite.run_apart(*LIVE))


def test_each_is_an_error_and_other_cases_get_their_verdicts(misdone: Ran) -> None:
    suite, result = misdone
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=2 * len(TOKENS), passed=3, skipped=1, xfailed=1, deselected=15 + 6 * len(TOKENS))
    rows = {(claim, case): row for (claim, case, _), row in suite.rows().items()}
    for name, tokens in TOKENS.items():
        for asker in range(2):
            row = rows.pop(("input-costs", f"{tokens}-{asker}"))
            assert (row["verdict"], row["effect"], row["interval"], row["n"]) == ("error", None, None, 0)
            assert fnmatch(row["reason"], {**MISDEEDS, **LATER}[name]), row["reason"]
            assert f"input-costs [{tokens}-{asker}] on cpu: {row['reason'].splitlines()[0]}" in result.outlines
    assert {case: row["verdict"] for case, row in rows.items()} == {
        ("input-costs", "new64"): "reproduced",
        ("input-costs", "new128"): "reproduced",
        ("tokens-double", ""): "reproduced",
        ("batch-is-free", ""): "contradicted",
        ("zero1-faster", ""): "untestable",
    }


def test_what_failed_is_not_tried_again(misdone: Ran) -> None:
    asked = Counter(inputs for _, inputs, *_ in misdone.suite.program.asked)
    tried = {name: asked[tokens] for name, tokens in TOKENS.items() if "no-latency" not in name}
    assert tried == {name: 2 if "later" in name else 1 for name in tried}


def test_no_program_is_left_and_no_child_of_one(misdone: Ran) -> None:
    program = misdone.suite.program
    assert any("child" in entry for entry in program.log)
    assert not any(map(lives, program.pids))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/program", "program cannot be started: *No such file or directory*"),
        (f"{sys.executable} -I -S -c 'raise SystemExit(7)'", "died while setting up: exit status 7.*"),
        (f"{sys.executable} -I -S -c 'print(1)'", "talked rubbish while setting up*than one Ready a line: '1'*"),
    ],
    ids=["missing", "dies", "rubbish"],
)
def test_a_program_that_cannot_be_set_up_is_an_error(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(pytester.path / "timing.lock"))
    result = build(pytester.path, pytester).run(*LIVE, "-o", f"claims_cpu_program={command}")
    result.assert_outcomes(failed=4, skipped=1, deselected=15)
    result.stdout.fnmatch_lines([f"batch-is-free on cpu: *{words}"])

"""``--rounds N``, ``--sampling-time``: live relations draw interleaved rounds until they are decided, or may not."""

from __future__ import annotations

import pytest

from .miniature import Miniature

PAIR = ("--claim", "input-costs", "-m", "cpu and live", "-k", "new64")
CASE = ("input-costs", "new64", "cpu")


ENDLESS = ("--sampling-time", "60")


@pytest.mark.parametrize(
    ("arguments", "rounds", "ended"),
    [
        (("--sampling-time=0.000001",), 3, "its sampling time ended after 3 rounds: --sampling-time SECONDS"),
        (("--rounds=4", *ENDLESS), 4, "it had 4 rounds, the most of this run: --rounds N"),
        (("--rounds", "7", *ENDLESS), 7, "it had 7 rounds, the most of this run: --rounds N"),
    ],
    ids=str,
)
def test_an_open_relation_uses_all_rounds_interleaved_and_turned_around(
    suite: Miniature, arguments: tuple[str, ...], rounds: int, ended: str
) -> None:
    """The latencies do not depend on the input: no number of rounds can decide."""
    suite.program.cost(input=0, jitter=0.02)
    suite.run(*PAIR, *arguments)
    row = suite.rows()[CASE]
    assert (row["verdict"], row["n"]) == ("inconclusive", rounds)
    assert row["reason"].endswith(f"; {ended} allows more")
    asked = [(number, inputs) for number, inputs, *_ in suite.program.asked]
    assert [number for number, _ in asked] == [number for number in range(1, rounds + 1) for _ in range(2)]
    inputs = [inputs for _, inputs in asked]
    assert set(inputs[:2]) == {10, 750}
    assert inputs[:2] == inputs[4:6]
    assert inputs[:2] == inputs[3:1:-1]
    seeds = {(entry["asked"]["round"], entry["asked"]["seed"]) for entry in suite.program.requests}
    assert len(seeds) == len({seed for _, seed in seeds}) == rounds


def test_who_is_open_when_the_time_budget_ends_says_so(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    suite.run(*PAIR, "--time-budget=2", *ENDLESS)
    row = suite.rows()[CASE]
    rounds = f"{row['n']} round{'s' * (row['n'] > 1)}"
    ended = f"; its share of the time budget ended after {rounds}: --time-budget SECONDS allows more"
    assert row["reason"].endswith(ended)


@pytest.mark.parametrize(("rounds", "verdict"), [("1", "inconclusive"), ("9", "reproduced")])
def test_few_rounds_decide_nothing_and_a_clear_relation_stops_at_three(
    suite: Miniature, rounds: str, verdict: str
) -> None:
    suite.run(*PAIR, "--rounds", rounds, *ENDLESS)
    row = suite.rows()[CASE]
    assert (row["verdict"], row["n"]) == (verdict, min(int(rounds), 3))
    assert len(suite.program.asked) == 2 * min(int(rounds), 3)
    if rounds == "1":
        assert row["interval"] is None
        assert "too few" in row["reason"]


def test_the_ini_file_may_state_how_long(suite: Miniature) -> None:
    suite.program.cost(input=0, jitter=0.02)
    ini = suite.path / "pytest.ini"
    ini.write_text(ini.read_text() + "claims_sampling_time = 0.000001\n")
    suite.run(*PAIR)
    assert suite.rows()[CASE]["n"] == 3
    ini.write_text(ini.read_text().replace("0.000001", "soon"))
    result = suite.run(*PAIR)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*claims_sampling_time must be a number of seconds, got 'soon'"])


def test_what_is_compared_shares_its_rounds(suite: Miniature) -> None:
    suite.run("--claim", "input-costs", "--claim", "tokens-double", "-m", "cpu and live")
    rounds: dict[int, set[tuple[int, int]]] = {}
    for number, inputs, new, _ in suite.program.asked:
        rounds.setdefault(number, set()).add((inputs, new))
    everything = {(10, 64), (750, 64), (10, 128), (750, 128)}
    assert rounds == {1: everything, 2: everything, 3: everything}
    assert len(suite.program.asked) == 3 * 4


TIME_AND_MEMORY = """
@claim("input-costs", place="table 1")
@pytest.mark.parametrize("new", [64, 128])
def test_time(measure, judge, new{time}):
    short, long = (measure(Generation(input_tokens=n, new_tokens=new)) for n in (10, 750))
    judge(less(short.latency_seconds, long.latency_seconds))


@claim("tokens-double", place="table 1")
@pytest.mark.parametrize("new", [128, 256])
def test_memory(measure, judge, new{memory}):
    few, many = (measure(Generation(input_tokens=10, new_tokens=n)) for n in (new, 2 * new))
    judge(less(few.peak_device_memory_bytes, many.peak_device_memory_bytes))
"""


@pytest.mark.parametrize("unplanned", [None, "time", "memory"])
@pytest.mark.parametrize(
    "order", [("time", "memory"), ("memory", "time"), ("memory[256-cpu]", "time", "memory[128-cpu]")], ids=str
)
def test_what_is_not_timed_shares_the_rounds_of_what_is(
    suite: Miniature, order: tuple[str, ...], unplanned: str | None
) -> None:
    """Of what is compared by memory, one is in a pair that is timed, after another pair that is not compared with it.

    A test that takes other fixtures is not planned.
    """
    takes = {name: ", tmp_path" if name == unplanned else "" for name in ("time", "memory")}
    suite.write_test(TIME_AND_MEMORY.format(**takes), "test_both.py")
    suite.program.misbehave("memory")
    suite.run(*(f"test_both.py::test_{name}" for name in order), "-m", "cpu and live")
    rows = suite.rows().values()
    assert {(row["verdict"], row["reason"]) for row in rows} == {("reproduced", "")}
    if unplanned is None:
        assert {row["n"] for row in rows} == {3}
        assert len(suite.program.asked) == 3 * 6

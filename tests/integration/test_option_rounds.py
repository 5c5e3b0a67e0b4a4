"""``--rounds N``: live relations draw interleaved rounds until they are decided, N at most."""

from __future__ import annotations

import pytest

from .miniature import Miniature, assert_refused

PAIR = ("--claim", "input-costs", "-m", "cpu and live", "-k", "new64")
CASE = ("input-costs", "new64", "cpu")


@pytest.fixture
def tie(suite: Miniature) -> Miniature:
    """A suite whose live latencies do not depend on the input: no number of rounds can decide."""
    suite.program.cost(input=0, jitter=0.02)
    return suite


@pytest.mark.parametrize(("arguments", "rounds"), [(("--rounds", "2"), 2), ((), 5), (("--rounds=7",), 7)], ids=str)
def test_an_open_relation_uses_all_rounds(tie: Miniature, arguments: tuple[str, ...], rounds: int) -> None:
    tie.run(*PAIR, *arguments)
    assert len(tie.program.asked) == 2 * rounds
    row = tie.rows()[CASE]
    assert (row["verdict"], row["n"]) == ("inconclusive", rounds)


def test_a_clear_relation_stops_at_three(suite: Miniature) -> None:
    suite.run(*PAIR, "--rounds", "9")
    assert len(suite.program.asked) == 2 * 3
    assert suite.rows()[CASE]["n"] == 3


def test_one_round_decides_nothing(suite: Miniature) -> None:
    suite.run(*PAIR, "--rounds", "1")
    row = suite.rows()[CASE]
    assert (row["verdict"], row["n"], row["interval"]) == ("inconclusive", 1, None)
    assert "too few" in row["reason"]


def test_rounds_are_interleaved_and_turn_around(tie: Miniature) -> None:
    tie.run(*PAIR, "--rounds", "4")
    order = [(number, inputs) for number, inputs, *_ in tie.program.asked]
    assert [number for number, _ in order] == [1, 1, 2, 2, 3, 3, 4, 4]
    inputs = [inputs for _, inputs in order]
    assert inputs[:4] == inputs[4:]
    assert inputs[:2] == inputs[3:1:-1]
    assert set(inputs[:2]) == {10, 750}


def test_what_is_compared_shares_its_rounds(suite: Miniature) -> None:
    suite.run("--claim", "input-costs", "--claim", "tokens-double", "-m", "cpu and live")
    rounds: dict[int, set[tuple[int, int]]] = {}
    for number, inputs, new, _ in suite.program.asked:
        rounds.setdefault(number, set()).add((inputs, new))
    everything = {(10, 64), (750, 64), (10, 128), (750, 128)}
    assert rounds == {1: everything, 2: everything, 3: everything}
    assert len(suite.program.asked) == 3 * 4


def test_a_round_has_one_seed_and_rounds_have_different_ones(tie: Miniature) -> None:
    tie.run(*PAIR)
    seeds = {(entry["asked"]["round"], entry["asked"]["seed"]) for entry in tie.program.requests}
    assert len(seeds) == 5
    assert len({seed for _, seed in seeds}) == 5


def test_recordings_know_no_rounds(suite: Miniature) -> None:
    suite.run("-m", "cpu and not live", "--rounds", "1").assert_outcomes(passed=4, xfailed=1, deselected=15)


@pytest.mark.parametrize("rounds", ["0", "-3"])
def test_no_rounds_are_refused(suite: Miniature, rounds: str) -> None:
    assert_refused(suite.run(f"--rounds={rounds}"), f"--rounds must be at least 1, got {rounds}")


@pytest.mark.parametrize("rounds", ["many", "1.5", "nan"])
def test_rounds_are_a_number(suite: Miniature, rounds: str) -> None:
    result = suite.run("--rounds", rounds)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"--rounds: invalid int value: '{rounds}'" in result.stderr.str()

"""``--plan``, ``--budget`` and ``--stack``: what would run on SageMaker, and what it may cost."""

from __future__ import annotations

import json
import re
import shlex
import socket

import pytest

from .miniature import QUICKLY, REPOSITORY, Miniature

G5 = ("-m", "sagemaker", "--instance", "g5.2xlarge")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan asks nobody; and an account that is at hand is not used."""

    def refuse(*_: object) -> None:
        raise AssertionError("a plan needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def test_a_plan_needs_no_credentials_and_launches_nothing(suite: Miniature) -> None:
    result = suite.run(*G5, "--plan")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"deselected": 15}
    result.stdout.fnmatch_lines(
        [
            "*plan for SageMaker: nothing is launched*",
            "kind *machines*USD*claims",
            "endpoint * generate llama-7b bf16 transformers on 1 GPU *input-costs, tokens-double, batch-is-free",
            "0 jobs and 1 endpoint for 4 cases of 3 claims: * instance hours, $* (*prices in us-east-1 of 2026-09-01*",
            "a job or endpoint of its own for every test: 4 of them, $*",
            "not in this plan: 1 case: needs ml.p4d.24xlarge: pass --instance p4d.24xlarge",
        ]
    )
    assert suite.program.log == []
    assert not (suite.path / "report" / "verdicts.json").exists()


@pytest.mark.parametrize(("options", "requests"), [((), "10"), (("--rounds", "3"), "6")], ids=["default", "three"])
def test_less_is_planned_where_less_is_selected_or_fewer_rounds(
    suite: Miniature, options: tuple[str, ...], requests: str
) -> None:
    result = suite.run(*G5, "--plan", "--claim", "tokens-double", *options)
    result.stdout.fnmatch_lines([f"endpoint * 2 * {requests} * tokens-double", "* for 1 case of 1 claim: *"])


def test_the_documents_stack_serves_with_its_own_engine(suite: Miniature) -> None:
    result = suite.run(*G5, "--plan", "--stack", "document")
    result.stdout.fnmatch_lines(["endpoint * document llama-7b bf16 deepspeed on 1 GPU *"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--plan",), "--plan is about SageMaker: name what may be launched with --instance TYPE"),
        (("--budget", "5"), "--budget is about SageMaker: name what may be launched with --instance TYPE"),
        (("--live-prices",), "--live-prices is about SageMaker: name what may be launched with --instance TYPE"),
        ((*G5, "--plan", "-n", "2"), "--plan launches nothing and needs no workers: leave out -n"),
        # Before anybody is asked for credentials.
        ((*G5, "--budget", "0.10"), "this plan is estimated at $0.3"),
        ((*G5, "--budget", "0.10", "-n", "2"), "this plan is estimated at $0.3"),
        ((*G5, "--budget=-1"), "--budget must be a positive number of dollars"),
        ((*G5, "--budget=nan"), "--budget must be a positive number of dollars"),
        (("--instance", "local", "--stack", "document"), "--stack document needs the images of 2023"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused(suite: Miniature, options: tuple[str, ...], words: str) -> None:
    result = suite.run_apart(*options) if "-n" in options else suite.run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()


def test_without_a_budget_there_is_one(suite: Miniature) -> None:
    """A type that costs a hundred times as much."""
    table = json.loads((suite.path / "fixtures/instances.json").read_text())
    table["instances"]["g5.2xlarge"]["usd_per_hour"] = 151.5
    suite.write("fixtures/instances.json", json.dumps(table))
    result = suite.run(*G5)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*this plan is estimated at $3*, and the budget is $10.00: nothing was launched*"])


NUMBER = r"([\d.]+) \| "
ROWS = re.findall(
    rf"^\| `(--instance [^`]*)` \| {NUMBER * 7}(\d+) launches, ([\d.]+) \|$",
    (REPOSITORY / "docs/sagemaker.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_documented_plan_is_what_is_planned(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, row: tuple[str, ...]
) -> None:
    """A new case that costs money shows in docs/sagemaker.md."""
    options, jobs, endpoints, hours, dollars, worst, wall, at_once, launches, apart = row
    monkeypatch.chdir(REPOSITORY)
    arguments = (*QUICKLY, "-p", "no:cacheprovider", "tests/claims", "-m", "sagemaker", "--plan")
    said = pytester.runpytest_inprocess(*arguments, *shlex.split(options)).stdout.str()
    planned = re.search(r"(\d+) jobs? and (\d+) endpoints? for .*: ([\d.]+) instance hours, \$([\d.]+) ", said)
    assert planned is not None, said[-1000:]
    assert planned.groups() == (jobs, endpoints, hours, dollars)
    assert f"for every test: {launches} of them, ${apart}" in said
    assert f"at worst ${worst}: " in said
    assert f"about {wall} h one after another; with -n 8: {at_once} h with the quotas that are needed" in said


def test_there_are_documented_plans() -> None:
    assert len(ROWS) == 4

"""``--plan``, ``--budget`` and ``--stack``: what would run on SageMaker, and what it may cost."""

from __future__ import annotations

import socket

import pytest

from .miniature import Miniature, assert_refused

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
            "endpoint * generate llama-7b bf16 transformers 1 *input-costs, tokens-double, batch-is-free",
            "0 jobs and 1 endpoints for 4 cases of 3 claims: * instance hours, $* (*prices in us-east-1 of 2026-09-01*",
            "a job or endpoint of its own for every test: 4 of them, $*",
            "not in this plan: 1 case: needs ml.p4d.24xlarge: pass --instance p4d.24xlarge",
        ]
    )
    assert suite.program.log == []
    assert not (suite.path / "report" / "verdicts.json").exists()


def test_less_is_planned_where_less_is_selected(suite: Miniature) -> None:
    result = suite.run(*G5, "--plan", "--claim", "tokens-double")
    result.stdout.fnmatch_lines(["endpoint * 2 * tokens-double", "* for 1 cases of 1 claims: *"])


def test_fewer_rounds_are_fewer_requests(suite: Miniature) -> None:
    def requests(*options: str) -> int:
        result = suite.run(*G5, "--plan", "--claim", "tokens-double", *options)
        row = next(line for line in result.outlines if line.startswith("endpoint"))
        return int(row.split()[-4])

    assert (requests(), requests("--rounds", "3")) == (10, 6)


def test_workers_have_nothing_to_do_for_a_plan(suite: Miniature) -> None:
    result = suite.run_apart(*G5, "--plan", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--plan launches nothing, so it needs no workers: leave -n out" in result.stderr.str()


@pytest.mark.parametrize("option", [("--plan",), ("--budget", "5"), ("--live-prices",)], ids=lambda option: option[0])
def test_options_about_sagemaker_need_an_instance(suite: Miniature, option: tuple[str, ...]) -> None:
    result = suite.run("-m", "sagemaker", *option)
    assert_refused(result, f"{option[0]} is about SageMaker: name what may be launched with --instance TYPE")


def test_a_plan_above_the_budget_does_not_start(suite: Miniature) -> None:
    """It is refused before anybody is asked for credentials."""
    result = suite.run(*G5, "--budget", "0.10")
    assert_refused(result, "this plan is estimated at $0.3", "--budget is $0.10: nothing was launched")


@pytest.mark.parametrize("usd", ["0", "-1", "nan", "inf"])
def test_a_budget_is_a_positive_sum(suite: Miniature, usd: str) -> None:
    assert_refused(suite.run(*G5, f"--budget={usd}"), "--budget must be a positive number of dollars")


def test_the_documents_stack_serves_with_its_own_engine(suite: Miniature) -> None:
    result = suite.run(*G5, "--plan", "--stack", "document")
    result.stdout.fnmatch_lines(["endpoint * document llama-7b bf16 deepspeed 1 *"])


def test_an_emulator_has_no_images_of_2023(suite: Miniature) -> None:
    result = suite.run("-m", "sagemaker", "--instance", "local", "--stack", "document")
    assert_refused(result, "--stack document needs the images of 2023")


def test_another_stack_is_refused(suite: Miniature) -> None:
    assert suite.run(*G5, "--stack", "future").ret == pytest.ExitCode.USAGE_ERROR

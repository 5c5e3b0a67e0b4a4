from __future__ import annotations

import pytest
from workers import generation, table, training

from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.deployments import deployment_of
from llm_claims.sagemaker.prices import Prices
from llm_claims.sagemaker.stacks import CURRENT
from llm_claims.sources.base import Need, Placed

A, B = Placed(generation(), "g5.2xlarge"), Placed(generation(input_tokens=750), "g5.2xlarge")
RUN = Placed(training(), "p4d.24xlarge")
NEEDS = (
    Need("one", "first-claim", (A, B)),
    Need("two", "second-claim", (B,)),
    Need("three", "third-claim", (RUN,)),
    Need("four", "fourth-claim", (), reason="needs ml.g4dn.xlarge: pass --instance g4dn.xlarge"),
    Need("five", "fourth-claim", (), reason="needs ml.g4dn.xlarge: pass --instance g4dn.xlarge"),
)


def plan(*needs: Need, **options) -> CloudPlan:
    prices = Prices(table(), **options)
    return CloudPlan(
        needs or NEEDS, lambda placed: deployment_of(placed, CURRENT, table()), prices, least_rounds=3, most_rounds=5
    )


def test_the_sum_is_that_of_the_rows() -> None:
    """Seconds a new token and a token of input, on top of a start; steps on top of building a model."""
    endpoint, job = plan().launches
    assert endpoint.seconds == pytest.approx(720 + 5 * (2 * 2.304 + 760 * 0.00085))
    assert job.seconds == pytest.approx(300 + 3 * (130 + 20 * 10.9))
    usd = [endpoint.seconds / 3600 * 1.515, job.seconds / 3600 * 2 * 25.25]
    assert [plan().usd(launch) for launch in plan().launches] == pytest.approx(usd)
    assert plan().total_usd == pytest.approx(sum(usd))
    assert plan().hours == pytest.approx((endpoint.seconds + 2 * job.seconds) / 3600)


def test_every_launch_names_the_claims_it_serves() -> None:
    assert [plan().claims(launch) for launch in plan().launches] == [("first-claim", "second-claim"), ("third-claim",)]


def test_a_launch_for_every_test_costs_more() -> None:
    count, usd = plan().unshared
    assert count == 3
    assert usd > plan().total_usd
    alone = plan(NEEDS[0])
    assert alone.unshared == (1, pytest.approx(alone.total_usd))


def test_the_text_has_the_rows_the_sums_and_what_is_left_out() -> None:
    text = list(plan().lines())
    assert text[0].split()[:3] == ["kind", "machines", "runs"]
    assert text[2].startswith("endpoint  1 x ml.g5.2xlarge    generate llama-7b bf16 transformers on 1 GPU")
    assert text[2].endswith("first-claim, second-claim")
    assert "1 job and 1 endpoint for 3 cases of 3 claims" in text[5]
    assert "on-demand prices in us-east-1 of 2026-09-01" in text[5]
    assert text[6].startswith("a job or endpoint of its own for every test: 3 of them, $")
    # Of the job five rounds are two jobs of half an hour.
    assert text[7].startswith(
        f"at worst ${3 * 1.515 + 2 * 0.5 * 2 * 25.25:.2f}: 5 rounds of everything, every job to its"
    )
    assert text[8].startswith("jobs are planned with 3 rounds; ")
    assert text[9] == (
        "wall time: about 0.6 h one after another; with -n 8: 0.4 h with the quotas that are needed, "
        "0.4 h where they allow more"
    )
    assert text[10] == ("quotas needed: ml.p4d.24xlarge for training job usage 2; ml.g5.2xlarge for endpoint usage 1")
    assert text[-1] == "not in this plan: 2 cases: needs ml.g4dn.xlarge: pass --instance g4dn.xlarge"


def test_live_prices_go_before_the_table_and_are_named() -> None:
    cheap = plan(NEEDS[0], live={"g5.2xlarge": 0.0})
    assert cheap.total_usd == 0
    assert "from AWS's price list today: g5.2xlarge" in "\n".join(cheap.lines())


def test_an_emulator_costs_nothing() -> None:
    assert plan(free=True).total_usd == 0
    assert "an emulator costs nothing" in "\n".join(plan(free=True).lines())


def test_an_empty_plan_says_so() -> None:
    assert list(plan(NEEDS[3]).lines())[3].startswith("0 jobs and 0 endpoints for 0 cases of 0 claims")


def test_one_of_a_kind_is_told_in_the_singular() -> None:
    text = "\n".join(plan(NEEDS[1]).lines())
    assert "0 jobs and 1 endpoint for 1 case of 1 claim: " in text


def test_what_runs_at_once_is_told_if_it_is_more_than_must_be() -> None:
    other = Placed(generation(precision="fp16"), "g5.2xlarge")
    text = "\n".join(plan(Need("one", "first-claim", (A, other))).lines())
    assert "quotas needed: ml.g5.2xlarge for endpoint usage 1 (up to 2 are used at once)" in text

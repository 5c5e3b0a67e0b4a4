from __future__ import annotations

from workers import generation, table, training

from llm_claims.sagemaker.deployments import Deployment, deployment_of
from llm_claims.sagemaker.launches import PlacedRequest, pack_launches, plan_launches
from llm_claims.sagemaker.stacks import CURRENT
from llm_claims.sources.base import Need, Placed
from llm_claims.workloads.loading.workload import Loading

A, B = Placed(generation(), "g5.2xlarge"), Placed(generation(input_tokens=750), "g5.2xlarge")
C = Placed(generation(precision="fp16"), "g5.2xlarge")


def deploy(placed: Placed) -> Deployment:
    return deployment_of(placed, CURRENT, table())


def need(*placed: Placed, varies: bool = True) -> Need:
    return Need("a case", "a-claim", placed, varies=varies)


def requests(launches, number: int = 0) -> list[tuple[Placed, int]]:
    return [(one.placed, one.round) for one in launches[number].requests]


def test_rounds_alternate_within_an_endpoint() -> None:
    launches = plan_launches([need(A, B)], deploy, least_rounds=3, most_rounds=3)
    assert requests(launches) == [(A, 1), (B, 1), (B, 2), (A, 2), (A, 3), (B, 3)]


def test_cases_share_what_they_have_in_common() -> None:
    launches = plan_launches([need(A, B), need(B, C), need(A)], deploy, least_rounds=2, most_rounds=2)
    assert [launch.placed for launch in launches] == [(A, B), (C,)]


def test_an_endpoint_gets_all_rounds_at_once_and_a_job_the_least() -> None:
    run = Placed(training(), "p4d.24xlarge")
    endpoint, *jobs = plan_launches([need(A), need(run)], deploy, least_rounds=3, most_rounds=5)
    assert [one.round for one in endpoint.requests] == [1, 2, 3, 4, 5]
    assert [one.round for job in jobs for one in job.requests] == [1, 2, 3]


def test_what_does_not_vary_is_asked_once() -> None:
    fixed = Placed(training(seed=500), "p4d.24xlarge")
    endpoint, job = plan_launches([need(A, varies=False), need(fixed)], deploy, least_rounds=3, most_rounds=5)
    assert len(endpoint.requests) == len(job.requests) == 1
    (shared,) = plan_launches([need(A, varies=False), need(A)], deploy, least_rounds=3, most_rounds=5)
    assert len(shared.requests) == 5


def test_a_job_holds_what_fits_its_time_limit() -> None:
    """ZeRO-3 takes 130 s and 20 steps of 42.6 s: two of them do not fit 1500 s."""
    slow = Placed(training(zero_stage=3), "p4d.24xlarge")
    launches = plan_launches([need(slow)], deploy, least_rounds=3, most_rounds=5)
    assert [requests(launches, number) for number in range(3)] == [[(slow, 1)], [(slow, 2)], [(slow, 3)]]
    assert all(launch.seconds <= 1800 for launch in launches)
    (one,) = plan_launches([need(slow)], deploy, least_rounds=3, most_rounds=5, job_seconds=float("inf"))
    assert len(one.requests) == 3


def test_a_request_longer_than_a_job_still_has_one() -> None:
    huge = Placed(training(samples=64_000), "p4d.24xlarge")
    assert len(list(pack_launches(deploy(huge), [PlacedRequest(huge, 1), PlacedRequest(huge, 2)]))) == 2


def test_loading_comes_before_requests() -> None:
    load = Placed(Loading(model="llama-7b", precision="fp16", engine="accelerate", model_server=True), "g5.2xlarge")
    same = Deployment("endpoint", "current", "image", "g5.2xlarge", 1, "document")
    (launch,) = plan_launches([need(A, load)], lambda _: same, least_rounds=2, most_rounds=2)
    assert [one.placed for one in launch.requests] == [load, A, load, A]


def test_names_are_the_same_in_every_process_and_differ_by_what_is_asked() -> None:
    one, again = (plan_launches([need(A, B)], deploy, least_rounds=2, most_rounds=2)[0].key for _ in range(2))
    assert one == again
    assert one != plan_launches([need(A, B)], deploy, least_rounds=3, most_rounds=3)[0].key

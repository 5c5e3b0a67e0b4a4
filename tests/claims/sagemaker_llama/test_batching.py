"""Batching: what the pipeline does with a list of prompts, and what its ``batch_size`` costs and gives."""

from __future__ import annotations

import pytest

from llm_claims import Generation, Setting, claim, equal, flat, increasing, less, proportional, settings

from .margins import LEAST_NAMED_DIFFERENCE

SEQUENTIAL = settings(
    Setting("7b-g5.2xlarge", instance="g5.2xlarge", precision="fp16", input_tokens=750, new_tokens=128),
    Setting(
        "13b-p4d.24xlarge",
        instance="p4d.24xlarge",
        model="llama-13b",
        precision="fp16",
        input_tokens=750,
        new_tokens=128,
    ),
)
PROMPTS = {"7b-g5.2xlarge": (1, 2, 4), "13b-p4d.24xlarge": (1, 2, 4, 8)}

A10G = tuple(
    Setting(f"{instance}-tp{degree}", instance=instance, precision="fp16", tensor_parallel_degree=degree)
    for instance, degree in (("g5.2xlarge", 1), ("g5.48xlarge", 2), ("g5.48xlarge", 8))
)
T4 = (
    Setting("g4dn.2xlarge-deepspeed", instance="g4dn.2xlarge", precision="fp16"),
    Setting("g4dn.2xlarge-accelerate", instance="g4dn.2xlarge", precision="fp16", engine="accelerate"),
)
BATCHES = {"g4dn.2xlarge-accelerate": (1, 2)}
BY_METRIC = pytest.mark.parametrize("metric", ["latency", "throughput"])


@claim("serve-default-batch-is-sequential", place="B, tables; tip F")
@SEQUENTIAL
def test_without_batch_size_a_list_runs_one_prompt_at_a_time(measure, judge, setting):
    requests = {n: measure(Generation(api="pipeline", prompts=n), setting) for n in PROMPTS[setting.id]}
    latencies = {n: request.latency_seconds for n, request in requests.items()}
    judge(proportional(latencies, within=LEAST_NAMED_DIFFERENCE))


@claim("serve-default-batch-is-sequential", place="B, tip F")
@pytest.mark.parametrize("prompts", [2, 4])
def test_without_batch_size_the_forward_sees_one_prompt(measure, judge, prompts):
    request = measure(Generation(api="pipeline", prompts=prompts))
    judge(equal(request.largest_forward_batch, 1))


def batched(measure, setting, input_tokens):
    """Requests by number of prompts, all of them in one batch."""
    return {
        n: measure(Generation(api="pipeline", input_tokens=input_tokens, prompts=n, batch_size=n), setting)
        for n in BATCHES.get(setting.id, (1, 4, 8))
    }


def throughputs(requests):
    """Prompts a second, in the order of the requests."""
    return [n / request.latency_seconds for n, request in requests.items()]


@claim("serve-pipeline-batch-short-input-pays", place="B, tip F")
@BY_METRIC
@settings(*A10G, *T4)
def test_batching_short_prompts_pays(measure, judge, setting, metric):
    requests = batched(measure, setting, input_tokens=10)
    if metric == "throughput":
        judge(increasing(*throughputs(requests)))
    else:
        latencies = [request.latency_seconds for request in requests.values()]
        judge(flat(*latencies, within=LEAST_NAMED_DIFFERENCE, against="rise"))


@claim("serve-pipeline-batch-long-input-costs", place="B, tip F")
@BY_METRIC
@settings(*A10G)
def test_batching_long_prompts_costs(measure, judge, setting, metric):
    requests = batched(measure, setting, input_tokens=750)
    if metric == "throughput":
        first, *_, last = throughputs(requests)
        judge(less(last, first))
    else:
        judge(increasing(*(request.latency_seconds for request in requests.values())))

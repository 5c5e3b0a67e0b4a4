"""Estimates of how long things take on AWS, in seconds, for plans and time limits. They are no evidence.

Seconds a step (section A) and a request (section B) are those of the document's runs. The start-up times of jobs and
endpoints, with images of 10 to 15 GB, are guesses. None of them was measured by this project.
"""

from __future__ import annotations

from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

JOB_START_SECONDS = 300.0
"""From the start of billing to the start of the program: pull the image, download the source code, install packages."""
ENDPOINT_START_SECONDS = 720.0
"""From creation to service: get a machine, pull the image, write and load a model of 13 GB. Counted as billed."""
LOADING_SECONDS = 240.0
"""One loading of a model's weights."""
MOST_JOB_SECONDS = 1800
"""The time limit of a job."""
MOST_ENDPOINT_SECONDS = 3 * 3600
"""When a schedule deletes an endpoint."""

_MODEL_SET_UP_SECONDS = 130.0
# By ZeRO stage: seconds a step on 16 A100 without RDMA (document, runs A and D), and its speed-up by RDMA. Stages 0 and
# 2 send about as much as stage 1.
_STEP_SECONDS = {0: 10.9, 1: 10.9, 2: 10.9, 3: 42.6}
_RDMA_SPEEDUP = {0: 2.0, 1: 2.0, 2: 2.0, 3: 3.0}
# Seconds for each new token, and for each token of input, of a 7B model on an A10G (document, runs A to D).
_NEW_TOKEN_SECONDS = 0.036
_INPUT_TOKEN_SECONDS = 0.00085
_TIME_RATIO_OF_MODEL = {"llama-13b": 1.9}  # relative to 7B
# The part of a 7B model's step that a small model takes, mostly latency: a guess.
_STEP_RATIO_OF_MODEL = {"llama-85m": 0.1}
# The time on a T4, relative to an A10G (document, table of 7B).
_TIME_RATIO_OF_FAMILY = {"g4dn": 1.75}


def request_seconds(workload: Workload, instance: str | None) -> float:
    """Estimate the seconds of one request to run a workload once, on an instance type without ``ml.``."""
    if isinstance(workload, Training):
        return _training_seconds(workload)
    if isinstance(workload, Loading):
        return LOADING_SECONDS
    assert isinstance(workload, Generation), "nothing else is launched"
    return _generation_seconds(workload, instance or "")


def _training_seconds(workload: Training) -> float:
    batch = (workload.ranks or 1) * (workload.micro_batch or 1) * (workload.gradient_accumulation or 1)
    steps = max(1, (workload.samples or batch) // batch)
    stage = workload.zero_stage or 0
    step = _STEP_SECONDS[stage] / (_RDMA_SPEEDUP[stage] if workload.rdma else 1.0)
    return _MODEL_SET_UP_SECONDS + steps * step * _STEP_RATIO_OF_MODEL.get(workload.model or "", 1.0)


def _generation_seconds(workload: Generation, instance: str) -> float:
    passes = workload.prompts if workload.batch_size is None else 1
    one = _NEW_TOKEN_SECONDS * (workload.new_tokens or 1) + _INPUT_TOKEN_SECONDS * (workload.input_tokens or 1)
    family = instance.partition(".")[0]
    return one * passes * _TIME_RATIO_OF_MODEL.get(workload.model or "", 1.0) * _TIME_RATIO_OF_FAMILY.get(family, 1.0)

"""How long things take on AWS, for plans and time limits alone: estimates, never evidence.

Sources: the document's own runs (section A: seconds a step; section B: seconds a request). How long jobs and endpoints
with images of 10 to 15 GB take to start is a guess. Nothing here was measured by this project.
"""

from __future__ import annotations

from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

JOB_START_SECONDS = 300.0
"""From the machine's being ours to the first line of the program: image, source code, packages. Billed."""
ENDPOINT_START_SECONDS = 720.0
"""From creation to service: machine, image, and a model of 13 GB written and loaded. Taken as billed."""
LOADING_SECONDS = 240.0
MOST_JOB_SECONDS = 1800
"""A job's stopping condition."""

_MODEL_SET_UP_SECONDS = 130.0
# Seconds a step at 16 A100 without RDMA (document, runs A and D), and what RDMA divides it by.
_STEP_SECONDS = {1: 10.9, 3: 42.6}
_RDMA_SPEEDUP = {1: 2.0, 3: 3.0}
# An A10G at 7B (document, runs A to D): each new token, and each token of input.
_NEW_TOKEN_SECONDS = 0.036
_INPUT_TOKEN_SECONDS = 0.00085
_SIZE = {"llama-13b": 1.9}
# What a small model takes of the large one's step: mostly latency, a guess.
_SMALLER = {"llama-85m": 0.1}
# A T4 against an A10G (document, table of 7B).
_SLOWER = {"g4dn": 1.75}


def request_seconds(workload: Workload, instance: str | None) -> float:
    """Estimate the time of one request, or of one training run, in seconds."""
    if isinstance(workload, Training):
        return _training_seconds(workload)
    if isinstance(workload, Loading):
        return LOADING_SECONDS
    assert isinstance(workload, Generation), "nothing else is launched"
    return _generation_seconds(workload, instance or "")


def _training_seconds(workload: Training) -> float:
    batch = (workload.ranks or 1) * (workload.micro_batch or 1) * (workload.gradient_accumulation or 1)
    steps = max(1, (workload.samples or batch) // batch)
    stage = workload.zero_stage or 1
    step = _STEP_SECONDS[stage] / (_RDMA_SPEEDUP[stage] if workload.rdma else 1.0)
    return _MODEL_SET_UP_SECONDS + steps * step * _SMALLER.get(workload.model or "", 1.0)


def _generation_seconds(workload: Generation, instance: str) -> float:
    passes = workload.prompts if workload.batch_size is None else 1
    one = _NEW_TOKEN_SECONDS * (workload.new_tokens or 1) + _INPUT_TOKEN_SECONDS * (workload.input_tokens or 1)
    return one * passes * _SIZE.get(workload.model or "", 1.0) * _SLOWER.get(instance.partition(".")[0], 1.0)

"""Tensor parallelism at batch size 1. Live, an engine that this suite can run stands beside the README's own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from llm_claims import claim, increasing, less

from .requests import bandwidth, speed

ENGINES = pytest.mark.parametrize("engine", ["gpt-fast", "deepspeed"])


def by_degree(measured, measure, degrees, **fields):
    return [measured(measure, tensor_parallel_degree=degree, **fields) for degree in degrees]


@claim("fast-7b-more-gpus-are-faster", place="Tensor Parallelism")
@ENGINES
@pytest.mark.parametrize("degree", [2, 4, 8], ids=lambda degree: f"tp{degree}")
def test_more_gpus_decode_7b_faster(measure, judge, engine, degree):
    judge(less(*by_degree(speed, measure, (1, degree), model="llama-7b", engine=engine)))


@claim("fast-70b-more-gpus-are-faster", place="Tensor Parallelism")
def test_more_gpus_decode_70b_faster(measure, judge):
    judge(increasing(*by_degree(speed, measure, (2, 4, 8), model="llama-70b")))


@claim("fast-each-doubling-gains-less", place="Tensor Parallelism")
@ENGINES
@pytest.mark.parametrize(
    ("model", "degrees"), [("llama-7b", (1, 2, 4, 8)), ("llama-70b", (2, 4, 8))], ids=["7b", "70b"]
)
def test_each_doubling_gains_less_than_the_one_before(measure, judge, engine, model, degrees):
    speeds = by_degree(speed, measure, degrees, model=model, engine=engine)
    gains = [more / fewer for fewer, more in pairwise(speeds)]
    judge(increasing(*reversed(gains)))


@claim("fast-bandwidth-per-gpu-falls", place="Tensor Parallelism")
@pytest.mark.parametrize(
    ("model", "degrees"), [("llama-7b", (1, 2, 4, 8)), ("llama-70b", (2, 4, 8))], ids=["7b", "70b"]
)
def test_each_gpu_uses_less_of_its_bandwidth(measure, judge, model, degrees):
    judge(increasing(*reversed(by_degree(bandwidth, measure, degrees, model=model))))

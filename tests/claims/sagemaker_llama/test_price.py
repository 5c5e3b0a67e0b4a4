"""Price and choice: dollars a request, which GPUs serve bf16, how many to take."""

from __future__ import annotations

import pytest

from llm_claims import Generation, claim, equal, every, known, less, outcome

from .advisor import Option, advise, cheapest

AMPERE = 8.0
"""Compute capability of the first Ampere GPUs: bf16 arithmetic begins there (CUDA C++ Programming Guide,
table of arithmetic instructions)."""


@claim("serve-g5-2xlarge-better-price-performance", place="B, tip G")
@pytest.mark.parametrize(
    ("input_tokens", "prompts", "batch_size"),
    [(750, 1, None), (10, 1, 1), (10, 4, 4), (10, 8, 8)],
    ids=["in750", "in10-batch1", "in10-batch4", "in10-batch8"],
)
def test_g5_2xlarge_costs_less_a_request(measure, judge, instances, input_tokens, prompts, batch_size):
    request = Generation(
        engine="deepspeed",
        precision="fp16",
        input_tokens=input_tokens,
        new_tokens=128,
        prompts=prompts,
        batch_size=batch_size,
    )
    g5, g4dn = (Option(measure(request, on=name), name) for name in ("g5.2xlarge", "g4dn.2xlarge"))
    judge(less(g5.cost(instances), g4dn.cost(instances)))


@claim("serve-bf16-needs-ampere", place="B, tip I")
@pytest.mark.parametrize("instance", ["g5.2xlarge", "p4d.24xlarge"])
def test_bf16_ran_on_ampere_and_the_t4_is_older(measure, judge, instances, instance):
    served = measure(Generation(precision="bf16", input_tokens=10, new_tokens=128), on="g5.2xlarge")
    advised, t4 = (instances[name].compute_capability for name in (instance, "g4dn.2xlarge"))
    judge(
        every(
            outcome(served, "completed"),
            equal(known(min(advised, AMPERE)), AMPERE),
            less(known(t4), known(AMPERE)),
        )
    )


@claim("serve-smallest-gpu-count-first", place="B, tip J")
@pytest.mark.parametrize("model", ["llama-7b", "llama-13b"])
def test_the_fewest_gpus_that_fit_cost_least(measure, judge, instances, model):
    options = [Option(measure(request, on=instance), instance) for request, instance in candidates(model)]
    chosen = advise(options, instances)
    others = [option for option in options if option.fits and option.gpus > chosen.gpus]
    judge(
        every(
            less(chosen.cost(instances), cheapest(others, instances).cost(instances)),
            equal(known(chosen.gpus), 1),
            equal(known(chosen.instance == CHEAPEST[model]), 1),
            *(outcome(option.measurement, "out_of_memory") for option in options if option.instance in UNFIT[model]),
        )
    )


CHEAPEST = {"llama-7b": "g5.2xlarge", "llama-13b": "p4d.24xlarge"}
"""The instance of the document's cheapest row, dollars a request with every GPU at work."""
UNFIT = {"llama-7b": (), "llama-13b": ("g5.2xlarge",)}


def candidates(model):
    """What the document tried for a model with a prompt of 750 tokens: requests and where they ran."""
    if model == "llama-7b":
        for instance in ("g4dn.2xlarge", "g5.2xlarge"):
            yield Generation(model=model, precision="fp16", **LONG), instance
        for degree in (2, 8):
            tensor_parallel = Generation(
                tensor_parallel_degree=degree, batch_size=1, model=model, precision="fp16", **LONG
            )
            yield tensor_parallel, "g5.48xlarge"
        return
    yield Generation(model=model, precision="fp16", **LONG), "g5.2xlarge"
    accelerate = {"model": model, "precision": "fp16", "engine": "accelerate", **LONG}
    yield Generation(tensor_parallel_degree=2, **accelerate), "g5.12xlarge"
    for degree in (1, 2, 4, 8):
        yield Generation(model=model, precision="fp16", tensor_parallel_degree=degree, **LONG), "p4d.24xlarge"


LONG = {"input_tokens": 750, "new_tokens": 128}

"""Engines on a processor: what stands behind one is told by what it is, and has to compute the same."""

from __future__ import annotations

import os
from typing import Any

import pytest
from warm import inside

from llm_claims.workloads.llm.engine import ServingEngine

# DeepSpeed keeps one process group a process, and never gives it back: each test has a process of its own.


def model() -> Any:
    """A model in bf16, always the same, in a process that DeepSpeed takes for the one rank there is."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    rank = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_SIZE": "1"}
    os.environ.update(rank, MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=100, **sizes)).eval().to(torch.bfloat16)


@pytest.mark.parametrize("engine", ["transformers", "accelerate", "deepspeed"])
@inside
def test_an_engine_is_seen_and_generates(engine: ServingEngine) -> None:
    import torch

    from llm_claims.workloads.generation import engines

    served = engines.served(model(), engine, 1)
    tokens = served.model.generate(input_ids=torch.arange(1, 9).unsqueeze(0), max_new_tokens=4, min_new_tokens=4)
    assert (served.engine, served.degree, tuple(tokens.shape)) == (engine, 1, (1, 12))
    assert served.placed is (engine == "accelerate")


@inside
def test_an_engine_that_computes_something_else_has_failed() -> None:
    import deepspeed

    from llm_claims.workloads.generation import engines

    def broken(model: Any, **_: object) -> Any:
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.data.neg_()
        return type("Engine", (), {"module": model})()

    deepspeed.init_inference = broken
    with pytest.raises(engines.EngineFailure, match="it computes other logits than the model alone: their cosine is 0"):
        engines.served(model(), "deepspeed", 1)


@pytest.mark.parametrize("memory", [True, False])
@inside
def test_what_an_engine_raises_is_its_failure_but_for_want_of_memory(memory: bool) -> None:
    import deepspeed
    import torch

    from llm_claims.workloads.generation import engines

    def raising(*_: object, **__: object) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory") if memory else AttributeError("no attribute 'size'")

    deepspeed.init_inference = raising
    expected = torch.OutOfMemoryError if memory else engines.EngineFailure
    with pytest.raises(expected, match="CUDA out of memory" if memory else "^AttributeError: no attribute 'size'$"):
        engines.served(model(), "deepspeed", 1)

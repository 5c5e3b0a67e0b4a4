"""Engines on a processor: what stands behind one is told by what it is, and has to compute the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

# DeepSpeed keeps one process group a process, and never gives it back: each test has a process of its own.
PRELUDE = """
import sys
sys.modules["mlflow"] = None
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from llm_claims.workloads.generation import engines
sizes = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4)
model = LlamaForCausalLM(LlamaConfig(vocab_size=100, **sizes)).eval().to(torch.bfloat16)
"""


def said_by(body: str) -> str:
    """What a process says at last that runs ``body`` after the prelude."""
    one_rank = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
    environment = {**os.environ, **one_rank, "MASTER_PORT": "0", "DS_ACCELERATOR": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(body)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("engine", ["transformers", "accelerate", "deepspeed"])
def test_an_engine_is_seen_and_generates(engine: str) -> None:
    said = said_by(f"""
        served = engines.served(model, {engine!r}, 1)
        tokens = served.model.generate(input_ids=torch.arange(1, 9).unsqueeze(0), max_new_tokens=4, min_new_tokens=4)
        print(served.engine, served.degree, tuple(tokens.shape))
    """)
    assert said == f"{engine} 1 (1, 12)"


def test_an_engine_that_computes_something_else_has_failed() -> None:
    said = said_by("""
        import deepspeed
        def broken(model, **options):
            for layer in model.model.layers:
                layer.self_attn.o_proj.weight.data.neg_()
            return type("Engine", (), {"module": model})()
        deepspeed.init_inference = broken
        try:
            engines.served(model, "deepspeed", 1)
        except engines.EngineFailure as failure:
            print(failure)
    """)
    assert said.startswith("it computes other logits than the model alone: their cosine is 0.")

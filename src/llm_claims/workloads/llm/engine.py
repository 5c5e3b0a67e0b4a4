"""Engines: the libraries that serve a model."""

from __future__ import annotations

from typing import Literal

ServingEngine = Literal[
    "transformers", "accelerate", "deepspeed", "deepspeed-kernel-injection", "fastertransformer", "gpt-fast", "vllm"
]

"""Engines: the libraries that stand between a request and a model."""

from __future__ import annotations

from typing import Literal

ServingEngine = Literal["transformers", "accelerate", "deepspeed", "deepspeed-kernel-injection", "fastertransformer"]

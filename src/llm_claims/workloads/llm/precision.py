"""Precisions of weights and arithmetic, and PyTorch's names for them."""

from __future__ import annotations

from typing import Literal

Precision = Literal["fp32", "bf16", "fp16"]
DTYPES: dict[str, str] = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""PyTorch's names of the dtypes, without ``torch.``."""
PRECISIONS: dict[str, str] = {f"torch.{dtype}": precision for precision, dtype in DTYPES.items()}
"""The precisions, by the dtypes as PyTorch writes them."""

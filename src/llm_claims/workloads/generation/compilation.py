"""How decoding with a static cache is compiled, and what this machine needs for that."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from llm_claims.workloads.generation.workload import Quantization

if TYPE_CHECKING:
    from transformers import CompileConfig

_ON_GPU = {
    "triton.cudagraphs": True,
    # With it, TorchInductor writes a product with one row as a sum, into which it fuses the conversion of the weights.
    # Without it, each token would first write all weights out in the activation's dtype. gpt-fast sets it, too.
    "coordinate_descent_tuning": True,
}


def compile_config(device: str, quantization: Quantization | None) -> CompileConfig | None:
    """Return how to compile decoding on ``device``, "cpu" or "cuda"; ``None`` for what transformers does by itself.

    On a GPU it does compile by itself: without weights to convert there is nothing to add, since their products have
    libraries of their own.
    """
    from transformers import CompileConfig

    if device == "cpu":
        config = CompileConfig()
        config._compile_all_devices = True  # type: ignore[assignment]
        return config
    if quantization is None:
        return None
    return CompileConfig(mode=None, options=dict(_ON_GPU))  # type: ignore[arg-type]


def missing_compiler() -> str | None:
    """Say what a processor lacks to compile decoding: TorchInductor writes C++ there; ``None`` if it lacks nothing."""
    name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(name) is None:
        return f"compiled decoding on a processor needs a C++ compiler, and there is no {name}"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        return f"compiled decoding on a processor needs Python's headers, and there is no {header}"
    return None

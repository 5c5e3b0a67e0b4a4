"""The command of the program that a container runs, chosen by environment variables. Python 3.8 syntax."""

from __future__ import annotations

import sys
from collections.abc import Mapping

PROGRAM = "LLM_CLAIMS_PROGRAM"
DEVICE = "LLM_CLAIMS_DEVICE"
_MODULES = {
    "generate": "llm_claims.workloads.generation.program",
    "load": "llm_claims.workloads.loading.program",
    "train": "llm_claims.workloads.training.program",
    "document": "llm_claims.sagemaker.containers.document.program",
}
LEAST_PYTHON = (3, 11)


def command_of(environment: Mapping[str, str]) -> list[str]:
    """Return the command of the program ``LLM_CLAIMS_PROGRAM``, on the device ``LLM_CLAIMS_DEVICE``.

    Raises
    ------
    RuntimeError
        There is no such program, or this Python is too old for it.
    """
    name = environment.get(PROGRAM, "")
    if name not in _MODULES:
        raise RuntimeError(f"{PROGRAM} is {name!r}: set it to one of {', '.join(_MODULES)}")
    if name == "document":
        return [sys.executable, "-m", _MODULES[name]]
    if sys.version_info < LEAST_PYTHON:
        version = ".".join(map(str, sys.version_info[:3]))
        raise RuntimeError(f"llm_claims.workloads needs Python 3.11; this image has {version}: use --stack document")
    device = environment.get(DEVICE, "cpu")
    # The program that loads measures the host's memory, and has no option --device.
    option = [] if device == "cpu" or name == "load" else ["--device", device]
    if name == "generate" and option:
        # The client warms up, and measures the latency of one call.
        option += ["--calls", "1"]
    return [sys.executable, "-m", _MODULES[name], *option]

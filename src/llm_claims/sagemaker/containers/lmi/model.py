"""The entry point that LMI loads: one program behind an endpoint. Python 3.8 syntax.

LMI calls `handle` once with empty inputs, before the endpoint is in service, then with each request body.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from djl_python import Input, Output  # the container's own

HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.insert(0, HERE)

_service: Any | None = None


def _started() -> Any:
    """The service of this process, started with the first call."""
    global _service
    if _service is None:
        from llm_claims.sagemaker.containers.commands import command_of
        from llm_claims.sagemaker.containers.pipe import Pipe
        from llm_claims.sagemaker.containers.service import Service

        environment = {**os.environ, "PYTHONPATH": HERE}
        _service = Service(Pipe(command_of(environment), environment, HERE))
        _service.stand()
    return _service


def handle(inputs: Input) -> Output | None:
    """Start the program, or pass one request body to it and its answer back."""
    service = _started()
    if inputs.is_empty():
        return None
    return Output().add_as_json(service.answer(inputs.get_as_json()))

"""The handler that LMI loads: passes the requests of an endpoint to a program. Python 3.8 syntax.

LMI calls `handle` once with empty inputs before the endpoint is in service, then with each request.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from djl_python import Input, Output  # a package of the container

HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.insert(0, HERE)

_service: Any | None = None


def _get_service() -> Any:
    """Return the service of this process; start it on the first call."""
    global _service
    if _service is None:
        from llm_claims.sagemaker.containers.commands import command_of
        from llm_claims.sagemaker.containers.pipe import Pipe
        from llm_claims.sagemaker.containers.service import Service

        environment = {**os.environ, "PYTHONPATH": HERE}
        _service = Service(Pipe(command_of(environment), environment, HERE))
        _service.wait_until_ready()
    return _service


def handle(inputs: Input) -> Output | None:
    """Start the program if there is none yet; answer the body of a request, if there is one."""
    service = _get_service()
    if inputs.is_empty():
        return None
    return Output().add_as_json(service.answer(inputs.get_as_json()))

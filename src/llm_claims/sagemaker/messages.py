"""What is said to containers, and what they say."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.launches import Asked, Launch
from llm_claims.sources.local import FIRST_SEED
from llm_claims.workloads.base import Workload
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer


def request_of(asked: Asked) -> Request:
    """The request of the protocol; all randomness of a round has one seed, wherever it runs."""
    return Request(workload=asked.placed.workload, round=asked.round, seed=FIRST_SEED + asked.round)


def body_of(request: Request) -> dict[str, Any]:
    """The request as it travels."""
    plain: dict[str, Any] = json.loads(request.model_dump_json(exclude_none=True))
    return plain


def answer_of(told: Any, asked: Asked) -> Answer:
    """Read what a container answered to a request.

    Raises
    ------
    CloudError
        It is no answer.
    """
    kind = type(asked.placed.workload)
    try:
        return read_answer(json.dumps(_as_of(kind, told)), kind)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise CloudError(
            f"the container answered something else than the protocol allows: {where}: {fault['msg']}"
        ) from None


def _as_of(kind: type[Workload], told: Any) -> Any:
    """Leave out of the witness of a run that ended early what the kind has no field for.

    Of a program that died, a container tells the same whatever it was asked: whether a model server is there.
    """
    outcome, witness = (told.get(name) if isinstance(told, dict) else None for name in ("outcome", "witness"))
    if not isinstance(outcome, dict) or outcome.get("kind") == "completed" or not isinstance(witness, dict):
        return told
    return told | {"witness": {name: seen for name, seen in witness.items() if name in kind.Witness.model_fields}}


def ready_of(told: Any, launch: Launch) -> Ready:
    """Read what a program said of itself; ``None`` if it never did, and then only its machine is known."""
    if told is None:
        return Ready(hardware=f"ml.{launch.deployment.instance}", software={}, setup_seconds=0.0)
    return Ready.model_validate(told)


_OUT_OF_MEMORY = (
    *("CUDA out of memory", "torch.cuda.OutOfMemoryError", "OutOfMemoryError", "DefaultCPUAllocator: can't allocate"),
    *("not enough memory", "MemoryError", "Cannot allocate memory", "oom-kill", "oom_kill", "Out of memory: Killed"),
)


def outcome_of_log(text: str) -> Outcome | None:
    """Return the outcome of a container whose log says that memory ran out; ``None`` where it says nothing of it."""
    for line in text.splitlines():
        if any(words in line for words in _OUT_OF_MEMORY):
            return Outcome(kind="out_of_memory", signature=line.strip()[:300])
    return None

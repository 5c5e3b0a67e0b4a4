"""The messages between this process and the program in a container."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.launches import Launch, PlacedRequest
from llm_claims.sources.local import FIRST_SEED
from llm_claims.workloads.base import Workload
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import Answer, Ready, Request, read_answer


def message_of(request: PlacedRequest) -> Request:
    """Return the request as a message of the protocol. Its seed depends on the round alone, as on every source."""
    return Request(workload=request.placed.workload, round=request.round, seed=FIRST_SEED + request.round)


def body_of(request: PlacedRequest) -> dict[str, Any]:
    """Return the request as JSON, without the fields that are None."""
    body: dict[str, Any] = json.loads(message_of(request).model_dump_json(exclude_none=True))
    return body


def parse_answer(value: Any, request: PlacedRequest) -> Answer:
    """Read the JSON of a container's answer to a request.

    Raises
    ------
    CloudError
        It is not an answer of the protocol.
    """
    kind = type(request.placed.workload)
    try:
        return read_answer(json.dumps(_without_unknown_observations(value, kind)), kind)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise CloudError(f"the container's answer is not one of the protocol: {where}: {fault['msg']}") from None


def _without_unknown_observations(answer: Any, kind: type[Workload]) -> Any:
    """Return the answer of a run that ended early without observations for which the kind's witness has no field.

    The container's answer for a program that died is the same for every kind: it says whether there was a model server.
    """
    outcome, witness = (answer.get(name) if isinstance(answer, dict) else None for name in ("outcome", "witness"))
    if not isinstance(outcome, dict) or outcome.get("kind") == "completed" or not isinstance(witness, dict):
        return answer
    return answer | {"witness": {name: seen for name, seen in witness.items() if name in kind.Witness.model_fields}}


def not_measured(answer: Answer) -> str | None:
    """Return why a program did not measure what it was asked for, if it says so (or `NotMeasured` of its engine)."""
    if answer.unsupported is not None:
        return answer.unsupported
    name, _, reason = (answer.outcome.signature or "").partition(": ")
    return reason if name == "NotMeasured" and answer.outcome.kind == "failed" else None


def parse_ready(value: Any, launch: Launch) -> Ready:
    """Read the JSON in which a program says that it is ready; if there is none, return what is known of its machine."""
    if value is None:
        return Ready(hardware=f"ml.{launch.deployment.instance}", software={}, setup_seconds=0.0)
    return Ready.model_validate(value)


_OUT_OF_MEMORY = (
    *("CUDA out of memory", "torch.cuda.OutOfMemoryError", "OutOfMemoryError", "DefaultCPUAllocator: can't allocate"),
    *("not enough memory", "MemoryError", "Cannot allocate memory", "oom-kill", "oom_kill", "Out of memory: Killed"),
)


def out_of_memory_in(log: str) -> Outcome | None:
    """Return the outcome "out of memory" if a line of a container's log says so, else None."""
    for line in log.splitlines():
        if any(words in line for words in _OUT_OF_MEMORY):
            return Outcome(kind="out_of_memory", signature=line.strip()[:300])
    return None

"""The log of a training job, line by line, put together to answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_claims.sagemaker.containers.log_lines import DamagedMessage, Reader
from llm_claims.sagemaker.launches import Asked, Launch
from llm_claims.sagemaker.messages import answer_of, body_of, ready_of, request_of
from llm_claims.sagemaker.transport import rdma_seen
from llm_claims.workloads.protocol import Answer, Ready
from llm_claims.workloads.training.workload import Training

FIRST_HOST = "algo-1"


@dataclass
class JobLog:
    """Puts the answers of a job together from its log."""

    launch: Launch
    answers: list[tuple[Asked, Ready, Answer]] = field(default_factory=list)
    _reader: Reader = field(default_factory=Reader)
    _ready: Ready | None = None
    _between: list[str] = field(default_factory=list)
    fault: str = ""

    def hear(self, host: str, line: str) -> None:
        """Take one line."""
        if host != FIRST_HOST:
            self._between.append(line)
            return
        try:
            message = self._reader.feed(line)
        except DamagedMessage as damage:
            self.fault = str(damage)
            return
        if message is None:
            self._between.append(line)
        elif "ready" in message:
            self._ready = Ready.model_validate(message["ready"])
        elif "begins" in message:
            self._between.clear()
        elif "answer" in message:
            self._take(message)

    def _take(self, message: Mapping[str, Any]) -> None:
        asked = self._asked(message.get("request"))
        if asked is None:
            self.fault = str(message["answer"]["outcome"]["signature"])
            return
        answer = answer_of(message["answer"], asked)
        workload = asked.placed.workload
        if isinstance(workload, Training) and workload.rdma is not None and answer.witness is not None:
            seen = answer.witness.model_copy(update={"rdma": rdma_seen(self._between)})
            answer = answer.model_copy(update={"witness": seen})
        self.answers.append((asked, self._ready or ready_of(None, self.launch), answer))

    def _asked(self, request: Mapping[str, Any] | None) -> Asked | None:
        return next((one for one in self.launch.asked if body_of(request_of(one)) == request), None)

"""Reads the answers of a training job from its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_claims.errors import ClaimsError
from llm_claims.sagemaker.containers.log_lines import MARK, DamagedMessage, Reader
from llm_claims.sagemaker.launches import Launch, PlacedRequest
from llm_claims.sagemaker.messages import body_of, parse_answer, parse_ready
from llm_claims.sagemaker.transport import rdma_seen
from llm_claims.workloads.protocol import Answer, Ready
from llm_claims.workloads.training.workload import Training

FIRST_HOST = "algo-1"


@dataclass
class JobLog:
    """Collects the answers of a job from the lines of its log.

    The messages are in the log of the first host; the other hosts answer too, but are ignored. ``on_raw`` is called
    with each line of a message before it is read. ``fault`` says which message could not be read, or how the program
    died before it was ready; it is empty if neither happened.
    """

    launch: Launch
    on_raw: Callable[[str], None] = lambda _: None
    answers: list[tuple[PlacedRequest, Ready, Answer]] = field(default_factory=list)
    _reader: Reader = field(default_factory=Reader)
    _ready: Ready | None = None
    _other_lines: list[str] = field(default_factory=list)  # of all hosts, since the current request began
    fault: str = ""

    @property
    def complete(self) -> bool:
        """Whether every request has an answer."""
        return len(self.answers) >= len(self.launch.requests)

    def read_line(self, host: str, line: str) -> None:
        """Read the next line of a host's log. Never raises: what follows a message that cannot be read is paid for."""
        if host != FIRST_HOST:
            self._other_lines.append(line)
            return
        if MARK in line:
            self.on_raw(line)
        try:
            self._read_message(self._reader.feed(line), line)
        except (ClaimsError, DamagedMessage) as fault:
            self.fault = str(fault)
        except Exception as fault:
            self.fault = f"a message in the log cannot be read: {type(fault).__name__}: {fault}"

    def _read_message(self, message: Mapping[str, Any] | None, line: str) -> None:
        if message is None:
            self._other_lines.append(line)
        elif "ready" in message:
            self._ready = Ready.model_validate(message["ready"])
        elif "begins" in message:
            self._other_lines.clear()
        elif "answer" in message:
            self._read_answer(message)

    def _read_answer(self, message: Mapping[str, Any]) -> None:
        request = next((one for one in self.launch.requests if body_of(one) == message.get("request")), None)
        if request is None:
            self.fault = str(message["answer"]["outcome"]["signature"])
            return
        answer = parse_answer(message["answer"], request)
        workload = request.placed.workload
        if isinstance(workload, Training) and workload.rdma is not None and answer.witness is not None:
            # The program does not see what carried its messages; NCCL logs it.
            witness = answer.witness.model_copy(update={"rdma": rdma_seen(self._other_lines)})
            answer = answer.model_copy(update={"witness": witness})
        self.answers.append((request, self._ready or parse_ready(None, self.launch), answer))

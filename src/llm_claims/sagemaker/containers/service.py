"""Answers the requests of an endpoint with a program. Python 3.8 syntax.

The body of a request is one JSON object, and so is the reply:

``{"say": "ready"}``
    → ``{"ready": …}`` once the program is ready, or the ``{"answer": …}`` of a program that died before.
``{"ask": REQUEST}``
    → ``{"answer": …}``. The caller measures how long this takes.
``{"begin": REQUEST}``, then ``{"collect": ROUND}``
    → ``{"begun": ROUND}``, then ``{"running": true}`` until there is an ``{"answer": …}``. For requests that take
    longer than the 60 seconds after which SageMaker ends a call of an endpoint.
``{"fault": …}`` is the reply to any other body.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from llm_claims.sagemaker.containers.pipe import Pipe, ProgramEnded


class Service:
    """Answers the bodies of requests with one program."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._begun: dict[int, dict[str, Any]] = {}  # by round: the reply to "collect"

    def wait_until_ready(self) -> None:
        """Wait until the program is ready or has died."""
        self.answer({"say": "ready"})

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the reply to one body."""
        if body.get("say") == "ready":
            return self._reply(lambda: {"ready": self._pipe.ready()})
        if "ask" in body:
            return self._reply(lambda: {"answer": self._pipe.ask(body["ask"])})
        if "begin" in body:
            return self._begin(body["begin"])
        if "collect" in body:
            return self._begun.get(int(body["collect"]), {"fault": "this round was not begun"})
        return {"fault": f"a body has say, ask, begin or collect; this one has {', '.join(sorted(body)) or 'nothing'}"}

    @staticmethod
    def _reply(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what ``call`` returns; if the program dies meanwhile, the answer that says so."""
        try:
            return call()
        except ProgramEnded as ended:
            return {"answer": ended.answer}

    def _begin(self, request: Mapping[str, Any]) -> dict[str, Any]:
        number = int(request["round"])
        self._begun[number] = {"running": True}

        def work() -> None:
            self._begun[number] = self._reply(lambda: {"answer": self._pipe.ask(request)})

        threading.Thread(target=work, daemon=True).start()
        return {"begun": number}

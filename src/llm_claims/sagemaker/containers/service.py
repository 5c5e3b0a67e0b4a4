"""What a handler does with each request body, whatever stack it is in. Python 3.8 syntax.

A body is one JSON object:

``{"say": "ready"}``
    → ``{"ready": …}``, or ``{"answer": …}`` of a program that did not come so far.
``{"ask": REQUEST}``
    → ``{"answer": …}``; the caller's clock measures this.
``{"begin": REQUEST}``, then ``{"collect": ROUND}``
    → ``{"begun": ROUND}``, then ``{"running": true}`` until there is an ``{"answer": …}``. An invocation of a
    real-time endpoint ends after 60 seconds, and loading a large model takes longer.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from llm_claims.sagemaker.containers.pipe import Pipe, ProgramEnded


class Service:
    """Answers bodies with the help of one program."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._begun: dict[int, dict[str, Any]] = {}

    def stand(self) -> None:
        """Wait until the program stands, or is gone: either can be asked for."""
        self.answer({"say": "ready"})

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one body."""
        if body.get("say") == "ready":
            return self._told(lambda: {"ready": self._pipe.ready()})
        if "ask" in body:
            return self._told(lambda: {"answer": self._pipe.ask(body["ask"])})
        if "begin" in body:
            return self._begin(body["begin"])
        if "collect" in body:
            return self._begun.get(int(body["collect"]), {"fault": "no such round was begun"})
        return {"fault": f"a body says, asks, begins or collects; this one has {', '.join(sorted(body)) or 'nothing'}"}

    @staticmethod
    def _told(tell: Any) -> dict[str, Any]:
        try:
            told = tell()
        except ProgramEnded as ended:
            return {"answer": ended.answer}
        assert isinstance(told, dict)
        return told

    def _begin(self, request: Mapping[str, Any]) -> dict[str, Any]:
        number = int(request["round"])
        self._begun[number] = {"running": True}

        def work() -> None:
            self._begun[number] = self._told(lambda: {"answer": self._pipe.ask(request)})

        threading.Thread(target=work, daemon=True).start()
        return {"begun": number}

"""The answer that a handler gives."""

from __future__ import annotations

import json
from typing import Any


class Output:
    """A status, properties (the answer's headers) and a body."""

    def __init__(self, code: int = 200, message: str = "OK") -> None:
        self.code, self.message = code, message
        self.properties: dict[str, str] = {}
        self._parts: list[bytes] = []

    def error(self, error: str, code: int = 424, message: str = "prediction failure") -> Output:
        self.code, self.message = code, message
        self.add_property("content-type", "application/json")
        return self.add_as_json({"code": code, "message": message, "error": error})

    def set_code(self, code: int) -> Output:
        self.code = code
        return self

    def add_property(self, key: str, val: str) -> Output:
        self.properties[key] = val
        return self

    def add(self, value: Any, key: str | None = None) -> Output:
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, (bytes, bytearray)):
            return self.add_as_json(value, key)
        self._parts.append(bytes(value))
        return self

    def add_as_json(self, val: Any, key: str | None = None) -> Output:
        text = json.dumps(val, ensure_ascii=False, allow_nan=False, indent=2, separators=(",", ":"))
        self._parts.append(text.encode())
        return self

    def finalize(self) -> Output:
        return self

    def body(self) -> bytes:
        return b"".join(self._parts)

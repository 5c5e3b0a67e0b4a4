"""The request that a handler gets."""

from __future__ import annotations

import json
from typing import Any


class Input:
    """A body and its properties: the request's headers, or, in the first and empty call, the options of the model."""

    def __init__(self, properties: dict[str, str] | None = None, body: bytes | None = None) -> None:
        self.properties = dict(properties or {})
        self._body = body

    def is_empty(self) -> bool:
        return self._body is None

    def is_batch(self) -> bool:
        return False

    def get_batch_size(self) -> int:
        return 1

    def get_batches(self) -> list[Input]:
        return [self]

    def get_properties(self) -> dict[str, str]:
        return self.properties

    def get_property(self, key: str) -> str | None:
        return next((value for name, value in self.properties.items() if name.lower() == key.lower()), None)

    def get_as_bytes(self, key: str | None = None) -> bytes | None:
        if key not in (None, "data"):
            raise KeyError(f"requested data for key:{key} is not found!")
        return self._body

    def get_as_string(self, key: str | None = None) -> str:
        return (self.get_as_bytes(key) or b"").decode()

    def get_as_json(self, key: str | None = None) -> Any:
        return json.loads(self.get_as_string(key))

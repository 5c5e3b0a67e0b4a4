"""What a load is seen to do: which files it reads, and whether it goes by way of the meta device. Python 3.8 syntax."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# What transformers calls for each shard, and what beside it when low_cpu_mem_usage is on (4.28.1, modeling_utils).
_READ = "load_state_dict"
_BY_META = "_load_state_dict_into_meta_model"


class Watch:
    """Watches one load, from entering to leaving the context.

    ``low_cpu_mem_usage`` stays ``None`` where the installed transformers has no such way to tell from.
    """

    def __init__(self) -> None:
        self.low_cpu_mem_usage: bool | None = None
        self._suffixes: set[str] = set()

    @property
    def forms(self) -> str | None:
        """The form of the shards that were read."""
        return "+".join(sorted(self._suffixes)) or None

    def __enter__(self) -> Watch:
        self._module: Any = import_module("transformers.modeling_utils")
        self._read = getattr(self._module, _READ)
        self._by_meta = getattr(self._module, _BY_META, None)
        setattr(self._module, _READ, self._reading)
        if self._by_meta is not None:
            self.low_cpu_mem_usage = False
            setattr(self._module, _BY_META, self._through_meta)
        return self

    def _reading(self, file: Any, *given: Any, **named: Any) -> Any:
        self._suffixes.add(str(file).rpartition(".")[2])
        return self._read(file, *given, **named)

    def _through_meta(self, *given: Any, **named: Any) -> Any:
        self.low_cpu_mem_usage = True
        assert self._by_meta is not None
        return self._by_meta(*given, **named)

    def __exit__(self, *_: object) -> None:
        setattr(self._module, _READ, self._read)
        if self._by_meta is not None:
            setattr(self._module, _BY_META, self._by_meta)

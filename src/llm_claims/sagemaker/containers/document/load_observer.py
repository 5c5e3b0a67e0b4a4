"""Observes how transformers loads a model: for the witness of loading. Python 3.8 syntax."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Functions of transformers: that which reads a shard; that which low_cpu_mem_usage calls for it (4.28.1); those which
# compute where device_map="auto" puts each layer (4.28.1 and 5).
_READ = "load_state_dict"
_BY_META = "_load_state_dict_into_meta_model"
_MAP = ("infer_auto_device_map", "_get_device_map")


class LoadObserver:
    """A context that observes the loads within it, by wrapping functions of transformers."""

    def __init__(self) -> None:
        self._module: Any = import_module("transformers.modeling_utils")
        self._originals: dict[str, Any] = {}
        self._called: set[str] = set()
        self._suffixes: set[str] = set()

    @property
    def checkpoint(self) -> str | None:
        """The suffix of the shards that were read, such as ``bin``; ``None`` if none was."""
        return "+".join(sorted(self._suffixes)) or None

    @property
    def low_cpu_mem_usage(self) -> bool | None:
        """Whether low_cpu_mem_usage was in force; ``None`` if no function of this transformers shows it."""
        return _BY_META in self._called if _BY_META in self._originals else None

    @property
    def device_map(self) -> str | None:
        """``auto`` if it was computed where each layer goes, else ``None``."""
        return "auto" if self._called & set(_MAP) else None

    def __enter__(self) -> LoadObserver:
        for name in (_READ, _BY_META, *_MAP):
            if hasattr(self._module, name):
                self._originals[name] = getattr(self._module, name)
                setattr(self._module, name, self._wrapped(name))
        return self

    def _wrapped(self, name: str) -> Any:
        """Return a function of transformers in a wrapper that notes the call."""
        inner = self._originals[name]

        def wrapper(*given: Any, **named: Any) -> Any:
            self._called.add(name)
            if name == _READ:
                self._suffixes.add(str(given[0]).rpartition(".")[2])
            return inner(*given, **named)

        # transformers inspects the signature.
        wrapper.__wrapped__ = inner  # type: ignore[attr-defined]
        return wrapper

    def __exit__(self, *_: object) -> None:
        for name, inner in self._originals.items():
            setattr(self._module, name, inner)

"""What a load is seen to do: which files it reads, and which ways of loading it takes. Python 3.8 syntax."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# What transformers calls for each shard; what beside it when low_cpu_mem_usage is on (4.28.1); and what works out
# where "auto" puts each layer (4.28.1, and 5).
_READ = "load_state_dict"
_BY_META = "_load_state_dict_into_meta_model"
_PLACES = ("infer_auto_device_map", "_get_device_map")


class Watch:
    """Watches one load, from entering to leaving the context.

    ``low_cpu_mem_usage`` is ``None`` where the installed transformers has no such way to tell from.
    """

    def __init__(self) -> None:
        self._module: Any = import_module("transformers.modeling_utils")
        self._watched: dict[str, Any] = {}
        self._called: set[str] = set()
        self._suffixes: set[str] = set()

    @property
    def forms(self) -> str | None:
        """The form of the shards that were read."""
        return "+".join(sorted(self._suffixes)) or None

    @property
    def low_cpu_mem_usage(self) -> bool | None:
        """Whether weights went into a model that was made without any."""
        return _BY_META in self._called if _BY_META in self._watched else None

    @property
    def device_map(self) -> str | None:
        """Whether it was worked out where each layer goes."""
        return "auto" if self._called & set(_PLACES) else None

    def __enter__(self) -> Watch:
        for name in (_READ, _BY_META, *_PLACES):
            if hasattr(self._module, name):
                self._watched[name] = getattr(self._module, name)
                setattr(self._module, name, self._telling(name))
        return self

    def _telling(self, name: str) -> Any:
        inner = self._watched[name]

        def tell(*given: Any, **named: Any) -> Any:
            self._called.add(name)
            if name == _READ:
                self._suffixes.add(str(given[0]).rpartition(".")[2])
            return inner(*given, **named)

        # Its callers look at its signature.
        tell.__wrapped__ = inner  # type: ignore[attr-defined]
        return tell

    def __exit__(self, *_: object) -> None:
        for name, inner in self._watched.items():
            setattr(self._module, name, inner)

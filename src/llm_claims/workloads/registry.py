"""The registry of kinds of workload; recordings, claims and sources know only registered kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializationInfo,
    SerializeAsAny,
    ValidationError,
)
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from llm_claims.errors import UsageError
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.witness import Witness

Describe = Callable[[type[BaseModel]], dict[str, Any]]
_KINDS: dict[str, type[Workload]] = {}


def register(*kinds: type[Workload]) -> None:
    """Make kinds of workload known to this process; registering one again changes nothing.

    Raises
    ------
    UsageError
        A kind is incomplete, shares its name with another, or gives a known metric another unit or nature.
    """
    for kind in kinds:
        for fault in _faults_of(kind):
            raise UsageError(f"{kind.__module__}.{kind.__name__}: {fault}")
        _KINDS[kind.model_fields["kind"].default] = kind


def keep(known: Iterable[type[Workload]]) -> None:
    """Make ``known`` the only registered kinds: a test run inside another one restores the registry with it."""
    _KINDS.clear()
    _KINDS.update({kind.model_fields["kind"].default: kind for kind in known})


def kinds() -> tuple[type[Workload], ...]:
    """Every kind that is registered."""
    return tuple(_KINDS.values())


def kind_named(name: object) -> type[Workload]:
    """Return the kind with this name.

    Raises
    ------
    ValueError
        There is no such kind; the text proposes the nearest.
    """
    if isinstance(name, str) and name in _KINDS:
        return _KINDS[name]
    near = get_close_matches(str(name), _KINDS, n=1)
    hint = f": did you mean {near[0]!r}?" if near else f"; known are {', '.join(_KINDS) or 'none'}"
    raise ValueError(f"unknown kind of workload {name!r}{hint}")


def _faults_of(kind: type[Workload]) -> Iterator[str]:
    """Yield the reasons why a kind cannot be registered."""
    name = kind.model_fields["kind"].default
    known = _KINDS.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        yield f"{known.__module__}.{known.__name__} is named {name!r} too: rename one of the two classes"
    witnessed = set(kind.Witness.model_fields)
    own = kind.expected is Workload.expected
    unseen = set(kind.model_fields) - {"kind"} - kind.unwitnessed - witnessed if own else set()
    if unseen:
        yield (
            f"its Witness has no field for {', '.join(sorted(unseen))}: add it, "
            "or name it in `unwitnessed` if no run can show it"
        )
    for metric, meaning in kind.metrics.items():
        for other in kinds():
            theirs = other.metrics.get(metric)
            if (
                theirs is not None
                and other is not known
                and (theirs.unit, theirs.nature) != (meaning.unit, meaning.nature)
            ):
                of_theirs = f"{theirs.nature}, in {theirs.unit!r}, for {other.__name__}"
                yield f"metric {metric!r} is {of_theirs}: name yours otherwise"


def read_workload(value: Any) -> Workload:
    """Return a workload, given as such or as its JSON object.

    Raises
    ------
    ValueError
        Its kind is unknown, or a field is wrong.
    """
    if isinstance(value, Workload):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"a workload is an object with a kind, this is a {type(value).__name__}")
    return kind_named(value.get("kind")).model_validate_json(json.dumps(value), strict=True)


def read_defaults(value: Any) -> dict[str, Defaults[Any]]:
    """Return defaults by kind of workload, each read by its kind's class of defaults.

    Raises
    ------
    ValueError
        A kind is unknown, or a field is wrong.
    """
    if not isinstance(value, dict):
        raise ValueError("defaults are an object, by kind of workload")
    return {name: given if isinstance(given, Defaults) else _defaults(name, given) for name, given in value.items()}


def _defaults(kind: str, given: Any) -> Defaults[Any]:
    try:
        return kind_named(kind).defaults_type().model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        faults = (InitErrorDetails(**{**fault, "loc": (kind, *fault["loc"])}) for fault in error.errors())  # type: ignore[typeddict-unknown-key]
        raise ValidationError.from_exception_data("defaults", list(faults)) from None


class _Described:
    """Tells pydantic how the JSON Schema describes a field whose class depends on the kind."""

    def __init__(self, describe: Callable[[Describe], dict[str, Any]]) -> None:
        self._describe = describe

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        def describe(model: type[BaseModel]) -> dict[str, Any]:
            whole: Any = model.__pydantic_core_schema__
            if ref := whole.get("ref"):
                # By reference, so that the JSON Schema describes each model once.
                whole = core_schema.definitions_schema(core_schema.definition_reference_schema(ref), [whole])
            return handler(whole)

        return self._describe(describe)


class _ByKind(_Described):
    """Tells pydantic how to read, write and describe a field whose class depends on the kind."""

    def __init__(self, read: Callable[[Any], Any], describe: Callable[[Describe], dict[str, Any]]) -> None:
        super().__init__(describe)
        self._read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        writing = core_schema.plain_serializer_function_ser_schema(_written, info_arg=True)
        return core_schema.no_info_plain_validator_function(self._read, serialization=writing)


def _written(value: Any, info: SerializationInfo) -> Any:
    if isinstance(value, dict):
        return {name: _written(one, info) for name, one in value.items()}
    return value.model_dump(mode=info.mode, exclude_none=info.exclude_none)


def _one_of_the_kinds(describe: Describe) -> dict[str, Any]:
    return {"oneOf": [describe(kind) for kind in kinds()], "required": ["kind"]}


def _any_of_the_witnesses(describe: Describe) -> dict[str, Any]:
    return {"anyOf": [describe(kind.Witness) for kind in kinds()]}


def _defaults_of_the_kinds(describe: Describe) -> dict[str, Any]:
    of_kinds = {kind.model_fields["kind"].default: describe(kind.defaults_type()) for kind in kinds()}
    return {"type": "object", "properties": of_kinds, "additionalProperties": False}


AnyWorkload = Annotated[Workload, _ByKind(read_workload, _one_of_the_kinds)]
"""A workload of any registered kind, as a field of a model."""
AnyWitness = Annotated[SerializeAsAny[Witness], _Described(_any_of_the_witnesses)]
"""A witness of any registered kind, as a field of a model; the model's validator must find out which."""
DefaultsByKind = Annotated[dict[str, Defaults[Any]], _ByKind(read_defaults, _defaults_of_the_kinds)]
"""The defaults of several kinds by name, as a field of a model."""

"""What a person states of imported runs: ``--set FIELD=VALUE`` for all, ``--set FILE:FIELD=VALUE`` for one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llm_claims.errors import UsageError
from llm_claims.evidence.evidence import Provenance
from llm_claims.evidence.importers.run import Run, at
from llm_claims.workloads.base import Workload
from llm_claims.workloads.registry import kind_named

PROVENANCE = tuple(sorted(Provenance.model_fields.keys() - {"kind", "seeds", "software"}))
SOFTWARE = "software."


@dataclass(frozen=True)
class Setting:
    """One option: a field, its value as typed, and the file that it is for; ``None`` for all."""

    name: str
    value: str
    file: Path | None = None

    def concerns(self, run: Run) -> bool:
        """Whether it is for this run."""
        return self.file in (None, run.path)

    def __str__(self) -> str:
        """The option as it was typed."""
        return f"--set {f'{self.file}:' if self.file else ''}{self.name}={self.value}"


def read_settings(texts: Iterable[str], paths: Sequence[Path]) -> list[Setting]:
    """Read options; a file in one is one of ``paths``.

    Raises
    ------
    UsageError
        One has not the form ``[FILE:]FIELD=VALUE``, or two state one field.
    """
    found: list[Setting] = []
    for text in texts:
        name, equals, value = text.partition("=")
        file, colon, field = name.rpartition(":")
        if not equals or not field:
            raise UsageError(f"--set {text}: write FIELD=VALUE, or FILE:FIELD=VALUE for one file alone")
        if colon and Path(file) not in paths:
            raise UsageError(f"--set {text}: {file} is not imported; {', '.join(map(str, paths))} are")
        setting = Setting(field, value, Path(file) if colon else None)
        if any((one.name, one.file) == (setting.name, setting.file) for one in found):
            raise UsageError(f"{setting}: {field} is set twice")
        found.append(setting)
    return found


def state_all(run: Run, settings: Iterable[Setting]) -> list[str]:
    """Give a run what a person states of it, in place of nothing; return the names of these fields.

    Raises
    ------
    UsageError
        A field is unknown, or contradicts what the file says.
    """
    kind = kind_named(run.kind)
    stated = []
    for setting in settings:
        if not setting.concerns(run):
            continue
        if setting.name in PROVENANCE:
            run.provenance[setting.name] = setting.value
        elif setting.name.startswith(SOFTWARE):
            software = run.provenance.setdefault("software", {})
            run.provenance["software"] = {**software, setting.name.removeprefix(SOFTWARE): setting.value}
        else:
            _state_field(run, kind, setting)
        stated.append(setting.name)
    return stated


def _state_field(run: Run, kind: type[Workload], setting: Setting) -> None:
    name = setting.name
    if name not in kind.model_fields or name == "kind":
        near = get_close_matches(name, (*kind.model_fields, *PROVENANCE), n=1)
        fields = ", ".join(sorted({*kind.model_fields, *PROVENANCE} - {"kind"}))
        hint = f": did you mean {near[0]}?" if near else f"; it has {fields}, and {SOFTWARE}NAME"
        raise UsageError(f"{setting}: {kind.__name__} has no field {name!r}{hint}")
    value = _value(kind, setting)
    known, line = run.fields.get(name, (value, 0))
    if known != value:
        raise UsageError(f"{setting} contradicts {at(run.path, line)}, which says {known!r}")
    run.fields[name] = (value, 0)


def _value(kind: type[Workload], setting: Setting) -> Any:
    """Return a value of the field's type: as JSON, or else as the text itself."""
    faults = []
    for read in (json.loads, str):
        try:
            return getattr(kind.model_validate({setting.name: read(setting.value)}), setting.name)
        except ValidationError as error:
            faults += [one["msg"] for one in error.errors()]
        except ValueError:
            continue
    raise UsageError(f"{setting}: {faults[0]}")

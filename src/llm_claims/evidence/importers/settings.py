"""What a person states of imported runs: ``--set FIELD=VALUE`` of all, ``--set RUN:FIELD=VALUE`` of some.

``RUN`` is the file, or, of a file with several runs, the file and the number of the run: ``run.log#2``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from llm_claims.errors import UsageError, listed, nearest
from llm_claims.evidence.evidence import Provenance
from llm_claims.evidence.importers.run import Run, at
from llm_claims.workloads.base import Workload
from llm_claims.workloads.registry import kind_named

PROVENANCE = tuple(sorted(Provenance.model_fields.keys() - {"kind", "seeds", "software"}))
SOFTWARE = "software."


@dataclass(frozen=True)
class Setting:
    """One option: a field, its value as typed, and the file or the run that it is for; ``None`` for all."""

    name: str
    value: str
    of: str | None = None

    def concerns(self, run: Run) -> bool:
        """Whether it is for this run."""
        return self.of in (None, str(run.path), run.name)

    def __str__(self) -> str:
        """The option as it was typed."""
        return f"--set {f'{self.of}:' if self.of else ''}{self.name}={self.value}"


def read_settings(texts: Iterable[str], runs: Sequence[Run]) -> list[Setting]:
    """Read options for some of ``runs``.

    Raises
    ------
    UsageError
        One has not the form ``[RUN:]FIELD=VALUE``, or is for no run, or two state one field.
    """
    found: list[Setting] = []
    for text in texts:
        name, equals, value = text.partition("=")
        of, colon, field = name.rpartition(":")
        if not equals or not field:
            raise UsageError(f"--set {text}: write FIELD=VALUE, or FILE:FIELD=VALUE for one file alone")
        setting = Setting(field, value, of if colon else None)
        if not any(setting.concerns(run) for run in runs):
            names = [run.name for run in runs]
            raise UsageError(f"{setting}: {of} is not imported{nearest(of, names, f'; {listed(names)} are')}")
        if any((one.name, one.of) == (setting.name, setting.of) for one in found):
            raise UsageError(f"{setting}: {field} is set twice")
        found.append(setting)
    return found


def state_all(run: Run, settings: Iterable[Setting]) -> list[str]:
    """Give a run what a person states of it; return the names of these fields. What is for some runs goes before.

    Raises
    ------
    UsageError
        A field is unknown, or contradicts what the file says.
    """
    kind, origin = kind_named(run.kind), _flat(run.provenance)
    stated = []
    for setting in sorted(settings, key=lambda one: one.of is not None):
        if not setting.concerns(run):
            continue
        if origin.get(setting.name) not in (None, setting.value):
            raise UsageError(f"{setting} contradicts {run.path}, which says {origin[setting.name]!r}")
        if setting.name in PROVENANCE:
            run.provenance[setting.name] = setting.value
        elif setting.name.startswith(SOFTWARE):
            software = run.provenance.setdefault("software", {})
            run.provenance["software"] = {**software, setting.name.removeprefix(SOFTWARE): setting.value}
        else:
            _state_field(run, kind, setting)
        stated.append(setting.name)
    return stated


def _flat(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of the origin of a run, by the names that options have for it."""
    software = {f"{SOFTWARE}{name}": version for name, version in provenance.get("software", {}).items()}
    return {**provenance, **software}


def _state_field(run: Run, kind: type[Workload], setting: Setting) -> None:
    name = setting.name
    if name not in kind.model_fields or name == "kind":
        fields = sorted({*kind.model_fields, *PROVENANCE} - {"kind"})
        hint = nearest(name, fields, f"; it has {', '.join(fields)}, and {SOFTWARE}NAME")
        raise UsageError(f"{setting}: {kind.__name__} has no field {name!r}{hint}")
    value = _value(kind, setting)
    known, line = run.fields.get(name, (value, 0))
    if line and known != value:
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

"""The base of every kind of workload: what is run (never where), and the defaults that fill its open fields.

A field left at ``None`` is *open*: the claim does not depend on it, and the source fills it with its own
defaults before anything is measured.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from llm_claims.workloads.metric import Metric
from llm_claims.workloads.shown import Ceiling, Priced, Scaling
from llm_claims.workloads.witness import Witness as BaseWitness

if TYPE_CHECKING:
    from llm_claims.workloads.hardware import Hardware


class Workload(BaseModel):
    """What is run: frozen and hashable. Subclass it to make a kind of workload; the kind is named like the class.

    A subclass declares its fields, and these class attributes:

    - ``Witness``: a class with a field for everything that a workload of this kind may state. A run must show
      every field that its workload states, or its evidence is refused.
    - ``unwitnessed``: fields that no run can show, such as a seed.
    - ``takes_weights``: whether its program takes checkpoints, as ``--weights NAME=FOLDER``.
    - ``must_state``: fields that a measured workload may not leave open.
    - ``metrics``: the metrics of its runs, by name.
    - ``defaults``: what fills open fields, by the name of the hardware ("cpu", "gpu").
    - ``program``: the command that runs it, in a process of its own (see `llm_claims.serve`). On GPUs the command
      is given ``--device cuda`` in addition.
    - ``ceilings``, ``scalings`` and ``priced``: what reports show besides verdicts: figures relative to the device's
      own limits, by one field, and as a cost by instance type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str = ""

    Witness: ClassVar[type[BaseWitness]] = BaseWitness
    unwitnessed: ClassVar[frozenset[str]] = frozenset()
    takes_weights: ClassVar[bool] = False
    must_state: ClassVar[tuple[str, ...]] = ()
    metrics: ClassVar[Mapping[str, Metric]] = {}
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    program: ClassVar[tuple[str, ...]] = ()
    ceilings: ClassVar[tuple[Ceiling, ...]] = ()
    scalings: ClassVar[tuple[Scaling, ...]] = ()
    priced: ClassVar[Priced | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Name the kind like the class, before pydantic reads the fields."""
        super().__init_subclass__(**options)
        cls.kind = cls.__name__.lower()
        cls.__annotations__ = {"kind": Literal[cls.kind], **inspect.get_annotations(cls)}

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this workload in every process and on every machine.

        Open fields do not count, so a field added later leaves old digests alone.
        """
        text = json.dumps(self.model_dump(exclude_none=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with a digest of its own; pydantic's method alone would copy the cached digest."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("digest", None)
        return copied

    def filled(self, fields: Mapping[str, Any]) -> Self:
        """Return a copy whose open fields are taken from ``fields``.

        Raises
        ------
        pydantic.ValidationError
            ``fields`` names a field that this kind of workload does not have, or gives it a wrong value.
        """
        return type(self).model_validate({**fields, **self.stated()})

    def stated(self) -> dict[str, Any]:
        """The fields that are not open, by name."""
        return self.model_dump(exclude_none=True, exclude={"kind"})

    def describe(self) -> str:
        """One line for people: the fields that are not open and not at their default."""
        fields = type(self).model_fields
        parts = [f"{name}={value}" for name, value in self.stated().items() if value != fields[name].default]
        return f"{type(self).__name__}({', '.join(parts)})"

    @classmethod
    def metric(cls, name: str) -> Metric:
        """Return what a metric of this kind is.

        Raises
        ------
        ValueError
            This kind has no such metric; the text proposes the nearest.
        """
        if name not in cls.metrics:
            near = get_close_matches(name, cls.metrics, n=1)
            hint = f": did you mean {near[0]!r}?" if near else f"; it has {', '.join(sorted(cls.metrics)) or 'none'}"
            raise ValueError(f"{cls.__name__} has no metric {name!r}{hint}")
        return cls.metrics[name]

    @classmethod
    def command(cls, device: str) -> tuple[str, ...]:
        """The command of the program on ``device``, in PyTorch's name for it ("cpu", "cuda")."""
        return cls.program if device == "cpu" else (*cls.program, "--device", device)

    # Methods that a kind may override

    def expected(self) -> Iterator[tuple[str, object]]:
        """Yield what the witness of a completed run must show: the name of each field of the witness, and its value."""
        for name, value in self.stated().items():
            if name not in self.unwitnessed:
                yield name, value

    @property
    def fixed_seed(self) -> int | None:
        """The seed that the workload states; ``None`` if each round has a seed of its own."""
        return None

    @property
    def starts_from_a_stand_in(self) -> bool:
        """Whether a live run starts from the trained weights of a stand-in, so that sizes are not the document's."""
        return False

    def check(self, hardware: Hardware) -> None:
        """Check that the hardware can measure this workload; its open fields have been filled.

        Raises
        ------
        Untestable
            It cannot; the text says why.
        """

    def check_timed(self, hardware: Hardware) -> None:
        """Check that times of this workload, which `check` has let pass, mean something on this hardware.

        Called only where a relation reads a timed metric of it.

        Raises
        ------
        Untestable
            They mean nothing; the text says why.
        """

    @classmethod
    def defaults_on(cls, hardware: Hardware) -> Defaults[Self] | None:
        """Return the defaults on a machine's hardware; ``None`` if there are none: the kind is not measured there.

        Raises
        ------
        Untestable
            The machine has no such hardware.
        """
        if hardware.name not in cls.defaults:
            return None
        return cls.defaults_type()(fields=cls.model_validate(cls.defaults[hardware.name]))

    @classmethod
    def defaults_type(cls) -> type[Defaults[Self]]:
        """The class of this kind's defaults, which recordings are read with."""
        return Defaults[cls]  # type: ignore[valid-type]


W = TypeVar("W", bound=Workload)


class Defaults(BaseModel, Generic[W]):
    """What one source fills open fields of one kind of workload with, and what it measures as an analogue.

    ``fields`` fill what a workload leaves open; ``instance`` is the cloud instance type of the runs, where the
    source has one. ``version_1`` maps names of fields in recordings of schema version 1 to the fields of this class
    that they become, apart from the name of the kind (``fields``) and ``KIND_instance`` (``instance``).
    ``never_filled`` are fields that mean something when they are open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version_1: ClassVar[Mapping[str, str]] = {}
    never_filled: ClassVar[frozenset[str]] = frozenset()

    fields: W
    instance: str | None = None

    def fields_for(self, workload: W) -> dict[str, Any]:
        """Return values for the open fields of ``workload``, by name; stated fields may be included and are ignored."""
        return self.fields.stated()

    def analogue(self, workload: W, on: str | None) -> tuple[W, str | None, str]:
        """Return what to measure in place of ``workload`` on the instance type ``on``.

        Returns the workload, the instance type, and a note for people that names the analogue. A workload that
        needs no analogue, or has none here, is returned unchanged with an empty note.
        """
        return workload, on, ""


def differences(workload: Workload, witness: BaseWitness | None, *, ended_early: bool = False) -> list[str]:
    """List the differences between what a workload states and what its run observed; an empty list is a match.

    A missing observation is a difference too. A run that ``ended_early`` must have made only the observations
    that its witness class names in ``owed_by_failures``.
    """
    if witness is None:
        return ["the run carries no witness"]
    found = []
    for name, asked in workload.expected():
        seen = getattr(witness, name)
        if ended_early and seen is None and name not in witness.owed_by_failures:
            continue
        if asked is not None and seen != asked:
            found.append(f"{name}: asked {asked!r}, the run saw {seen!r}")
    return found
